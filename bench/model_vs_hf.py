# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
"""Training a whole MoE model beside a plain PyTorch loop over Hugging Face transformers;
bench/model_vs_hf starts it.

Each arm is a process of its own and does the same steps on the same tokens from the same weights:
forward, cross-entropy, backward, clipping, AdamW. They take turns within one run; the losses of the
first steps are compared before anything is timed.
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import layer_vs_hf

# Relative difference of a mean loss: in float32 sums in another order, in bfloat16 the peer's
# weights and moments without float32 masters.
LOSS_TOLERANCE = {"fp32": 1e-4, "bf16": 1e-2}
NUM_COMPARED = 3
# What `hecaton train` sets for itself; the C library's default gives large freed blocks back to the system.
KEEPING_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1)}


def make_tokens(num_entries, num_sequences, num_tokens):
    """Bytes of this project's own sources, which are text and always there."""
    text = b"".join(path.read_bytes() for folder in ["kernels", "moe", "models", "recipes"]
                    for path in sorted(Path(folder).rglob("*.cpp")))
    tokens = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    count = num_entries * num_sequences * (num_tokens + 1)
    return tokens.repeat(count // len(tokens) + 1)[:count].view(num_entries, num_sequences, num_tokens + 1)


class Arm:
    def __init__(self, command, environment=None):
        self.name = Path(command[0]).name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"model_vs_hf: {self.name} ended at '{command}' with exit code {self.process.wait()}")
        return answer.strip()

    def step(self):
        ms, loss = self.ask("step").split()
        return float(ms), float(loss)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare_losses(arms, dtype):
    losses = {name: [arm.step()[1] for _ in range(NUM_COMPARED)] for name, arm in arms.items()}
    worst = max(abs(ours - theirs) / theirs for ours, theirs in zip(losses["hecaton"], losses["hugging_face"]))
    if not worst <= LOSS_TOLERANCE[dtype]:
        sys.exit(f"model_vs_hf: losses differ by {worst:.1e}, above {LOSS_TOLERANCE[dtype]:.0e}: {losses}")
    return worst


def run_case(args, dtype, scratch):
    tokens = scratch / "tokens.safetensors"
    save_file({"token_NBQ": make_tokens(16, args.sequences, args.length)}, tokens)
    ours = Arm([args.program, tokens, str(args.threads), dtype])
    weights = scratch / f"model-{dtype}"
    weights.mkdir()
    ours.ask(f"save {weights}")
    theirs = Arm([sys.executable, str(Path(__file__).with_name("hf_model_arm.py")), tokens, weights,
                  str(args.threads), dtype, args.implementation], KEEPING_MEMORY if args.peer_keeps_memory else None)
    arms = {"hugging_face": theirs, "hecaton": ours}
    program_bytes = {name: int(arm.ask("peak-before-model")) for name, arm in arms.items()}
    difference = compare_losses(arms, dtype)
    ms = {name: [] for name in arms}
    for arm in arms.values():
        arm.ask("reset-peak")
    for _ in range(args.rounds):
        for name, arm in arms.items():
            time.sleep(0.1)  # idle threads of the other process spin for a while before they sleep
            ms[name].append(statistics.median(arm.step()[0] for _ in range(args.steps)))
    peak = {name: int(arm.ask("peak")) for name, arm in arms.items()}
    profile = json.loads(ours.ask(f"profile {args.steps}")) if args.profile else None
    for arm in arms.values():
        arm.close()
    num_tokens = args.sequences * args.length
    median = {name: statistics.median(values) for name, values in ms.items()}
    result = {
        "bench": "model_vs_hf",
        "case": {"model": "4 layers, hidden 512, 64 experts of 256, top-8, vocabulary 512", "dtype": dtype,
                 "tokens_per_step": num_tokens},
        "ms": {name: layer_vs_hf.times(values) for name, values in ms.items()},
        "tokens_per_second": {name: 1e3 * num_tokens / value for name, value in median.items()},
        "ratio": median["hugging_face"] / median["hecaton"],
        "peak_bytes": peak,
        "peak_ratio": peak["hecaton"] / peak["hugging_face"],
        "program_bytes": program_bytes,
        "peak_ratio_without_programs": (peak["hecaton"] - program_bytes["hecaton"])
                                       / (peak["hugging_face"] - program_bytes["hugging_face"]),
        "peer_keeps_memory": args.peer_keeps_memory,
        "max_loss_difference": difference,
        "machine": {"cpu": layer_vs_hf.cpu_name(), "threads": args.threads},
        "versions": {"hecaton": layer_vs_hf.revision(), "torch": torch.__version__,
                     "transformers": transformers.__version__},
        "implementation": args.implementation,
    }
    if profile:
        result["profile"] = profile
    return result


def part_of(name):
    """The part of a step that "outermost range / operation" belongs to."""
    outermost, operation = name.split(" / ")
    if operation.startswith(("moe.", "models.", "optim.")):
        return operation
    node = outermost.removeprefix("autograd::engine::evaluate_function: ")
    if node == outermost:
        return outermost
    if node.startswith("torch::autograd::CppNode<"):
        node = node.removesuffix(">").split("::")[-1]
    return f"backward of {node.removesuffix('Backward0')}"


def print_profile(profile):
    """Parts of at least half a percent, and what is left."""
    step = profile["step_ms"]
    parts = collections.Counter()
    for name, ms in profile["self_ms"].items():
        parts[part_of(name)] += ms
    shown = {name: ms for name, ms in parts.most_common() if ms >= 0.005 * step}
    shown["the rest"] = step - sum(shown.values())
    print(f"\none step, profiled: {step:.1f} ms", file=sys.stderr)
    for name, ms in shown.items():
        print(f"  {ms:8.1f} ms {100 * ms / step:5.1f} %  {name}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="steps of an arm's turn, of which the median counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=list(LOSS_TOLERANCE), action="append", help="default: both")
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--length", type=int, default=512, help="tokens per sequence")
    parser.add_argument("--implementation", default="grouped_mm", choices=["grouped_mm", "eager"])
    parser.add_argument("--peer-keeps-memory", action="store_true",
                        help="large freed blocks stay in the peer's process, as they do in ours")
    parser.add_argument("--profile", action="store_true", help="where the time of our step goes")
    args = parser.parse_args()
    print(f"{'dtype':<7}{'Hugging Face':>15}{'Hecaton':>13}{'ratio':>8}{'peak HF':>11}{'peak':>11}{'ratio':>8}",
          file=sys.stderr)
    summary = {}
    for dtype in args.dtype or list(LOSS_TOLERANCE):
        with tempfile.TemporaryDirectory() as scratch:
            result = run_case(args, dtype, Path(scratch))
        print(json.dumps(result), flush=True)
        rate, peak = result["tokens_per_second"], result["peak_bytes"]
        print(f"{dtype:<7}{rate['hugging_face']:>11.0f} t/s{rate['hecaton']:>9.0f} t/s{result['ratio']:>8.2f}"
              f"{peak['hugging_face'] / 2**20:>7.0f} MiB{peak['hecaton'] / 2**20:>7.0f} MiB{result['peak_ratio']:>8.2f}",
              file=sys.stderr)
        if args.profile:
            print_profile(result["profile"])
        summary[f"min_ratio_{dtype}"] = result["ratio"]
        summary[f"peak_ratio_{dtype}"] = result["peak_ratio"]
    print(json.dumps({"summary": summary}))


if __name__ == "__main__":
    main()
