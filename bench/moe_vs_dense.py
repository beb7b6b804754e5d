# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
"""An MoE model against a dense one with as many active parameters; bench/moe_vs_dense starts it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

PROGRAM = "build/release/bin/hecaton"
RECIPE = "bench/moe_vs_dense.yaml"
FOLDER = Path("build/bench/moe_vs_dense")


def run_program(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"moe_vs_dense: hecaton {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def dense_overrides(overrides):
    """A feed-forward of as many parameters as a token sees of the MoE layer: K experts, and the router."""
    recipe = run_program("print-config", RECIPE, *overrides)
    number = lambda key: int(next(line.split(":")[1].split("#")[0] for line in recipe.splitlines()
                                  if line.strip().startswith(key + ":")))
    width = number("num_experts_per_tok") * number("moe_intermediate_size") + -(-number("num_experts") // 3)
    return ["moe.layers=none", f"model.arch.intermediate_size={width}"]


def train(name, seed, overrides):
    folder = FOLDER / f"{name}-{seed}"
    run_program("train", RECIPE, f"output_dir={folder}", f"seed={seed}", "checkpoint.resume=null", *overrides)
    return json.loads((folder / "metrics" / "eval.jsonl").read_text().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    args = parser.parse_args()
    if args.seeds < 1:
        parser.error("--seeds: must be at least 1")
    subprocess.run(["rm", "-rf", str(FOLDER)], check=True)
    arms = {"moe": args.overrides, "dense": dense_overrides(args.overrides) + args.overrides}
    print(f"{'seed':<6}{'tokens':>10}{'dense':>10}{'moe':>10}{'gain':>9}", file=sys.stderr)
    gains = []
    for seed in range(1, args.seeds + 1):
        results = {name: train(name, seed, overrides) for name, overrides in arms.items()}
        loss = {name: result["loss"] for name, result in results.items()}
        gains.append(loss["dense"] - loss["moe"])
        tokens = results["moe"]["tokens"]
        print(json.dumps({"bench": "moe_vs_dense", "case": {"seed": seed, "tokens": tokens}, "loss": loss,
                          "gain": gains[-1]}), flush=True)
        print(f"{seed:<6}{tokens:>10}{loss['dense']:>10.4f}{loss['moe']:>10.4f}{gains[-1]:>9.4f}", file=sys.stderr)
    print(json.dumps({"summary": {"min_gain": min(gains)}}))
    sys.exit(0 if min(gains) > 0 else 1)


if __name__ == "__main__":
    main()
