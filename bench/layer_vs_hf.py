# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
"""Hecaton's MoE layer beside that of Hugging Face transformers; bench/layer_vs_hf starts it.

Both arms get the same weights, tokens, output gradient and routing, and the same number of threads,
and take turns within one run: forward and backward of router (without the choice of experts, which
is given) and experts. Before anything is timed, outputs and gradients are compared.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import OlmoeConfig
from transformers.models.olmoe.modeling_olmoe import OlmoeExperts

SHAPES = [(2048, 512, 256, 16, 2), (4096, 512, 256, 64, 8), (4096, 1024, 512, 32, 4), (2048, 2048, 1024, 64, 8)]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Largest difference over the largest value of the peer: sums in another order, and in bfloat16 what
# the peer rounds between its steps.
TOLERANCE = {"fp32": 2e-5, "bf16": 3e-2}


def balanced(T, E, K):
    """Token t sees experts t * K, t * K + 1, ...: all equally often."""
    return (torch.arange(T * K).view(T, K) % E).to(torch.int32)


def zipf(T, E, K, exponent=1.2):
    """K distinct experts for each token, drawn with probability 1 / rank^exponent."""
    weights = torch.arange(1, E + 1, dtype=torch.float64).pow(-exponent)
    return torch.multinomial(weights.expand(T, E), K).to(torch.int32)


def make_inputs(shape, routing, dtype):
    T, H, I, E, K = shape
    torch.manual_seed(1)
    normal = lambda *size: torch.randn(*size)
    return {
        "x_TD": (0.2 * normal(T, H)).to(dtype),
        "dy_TD": (0.2 * normal(T, H)).to(dtype),
        "expert_idx_TK": routing(T, E, K),
        "router_ED": normal(E, H) / math.sqrt(H),
        "up_LGD": (normal(E, 2 * I, H) / math.sqrt(H)).to(dtype),
        "down_LDF": (normal(E, H, I) / math.sqrt(I)).to(dtype),
    }


class HuggingFaceArm:
    def __init__(self, inputs, implementation):
        E, H, I = inputs["down_LDF"].shape
        K = inputs["expert_idx_TK"].shape[1]
        config = OlmoeConfig(
            hidden_size=H, intermediate_size=I, num_experts=E, num_experts_per_tok=K, norm_topk_prob=K > 1,
            experts_implementation=implementation)
        self.experts = OlmoeExperts(config).to(inputs["x_TD"].dtype)
        with torch.no_grad():
            self.experts.gate_up_proj.copy_(inputs["up_LGD"])
            self.experts.down_proj.copy_(inputs["down_LDF"])
        self.router_ED = inputs["router_ED"].clone().requires_grad_()
        self.x_TD = inputs["x_TD"].clone().requires_grad_()
        self.dy_TD = inputs["dy_TD"]
        self.idx_TK = inputs["expert_idx_TK"].long()

    def run(self):
        start = time.perf_counter()
        for parameter in [self.x_TD, self.router_ED, *self.experts.parameters()]:
            parameter.grad = None
        # As its router does, in float32 so that both arms get the same weights.
        logits_TE = torch.nn.functional.linear(self.x_TD.float(), self.router_ED)
        weight_TK = torch.softmax(logits_TE, dim=-1).gather(1, self.idx_TK)
        if self.idx_TK.shape[1] > 1:
            weight_TK = weight_TK / weight_TK.sum(dim=-1, keepdim=True)
        self.y_TD = self.experts(self.x_TD, self.idx_TK, weight_TK.to(self.x_TD.dtype))
        self.y_TD.backward(self.dy_TD)
        return 1e3 * (time.perf_counter() - start)

    def results(self):
        return {
            "y_TD": self.y_TD.detach(), "dx_TD": self.x_TD.grad, "drouter_ED": self.router_ED.grad,
            "dup_LGD": self.experts.gate_up_proj.grad, "ddown_LDF": self.experts.down_proj.grad}


class HecatonArm:
    def __init__(self, program, inputs, folder, num_threads):
        path = folder / "inputs.safetensors"
        save_file(inputs, path)
        self.folder = folder
        self.process = subprocess.Popen(
            [program, path, str(num_threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"layer_vs_hf: layer_arm ended at '{command}' with exit code {self.process.wait()}")
        return answer.strip()

    def run(self):
        return float(self.ask("run"))

    def dense(self):
        return float(self.ask("dense"))

    def results(self):
        path = self.folder / "results.safetensors"
        self.ask(f"write {path}")
        return load_file(path)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(ours, theirs, tolerance):
    """The largest difference over the largest value, over all results."""
    worst = 0.0
    for name, expected in theirs.items():
        difference = (ours[name].float() - expected.float()).abs().max().item()
        ratio = difference / expected.float().abs().max().item()
        if not ratio <= tolerance:
            sys.exit(f"layer_vs_hf: {name} differs by {ratio:.1e} of its largest value, above {tolerance:.0e}")
        worst = max(worst, ratio)
    return worst


def times(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def run_case(args, shape, routing_name, dtype_name):
    T, H, I, E, K = shape
    inputs = make_inputs(shape, {"balanced": balanced, "zipf": zipf}[routing_name], DTYPES[dtype_name])
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        hugging_face = HuggingFaceArm(inputs, args.implementation)
        ours = HecatonArm(args.program, inputs, Path(folder), args.threads)
        del inputs
        hugging_face.run(), ours.run(), ours.dense()  # warm-up
        difference = compare(ours.results(), hugging_face.results(), TOLERANCE[dtype_name])
        ms = {"hugging_face": [], "hecaton": [], "dense": []}
        for _ in range(args.rounds):
            for arm, run in [("hugging_face", hugging_face.run), ("hecaton", ours.run), ("dense", ours.dense)]:
                time.sleep(0.1)  # idle threads of the other process spin for a while before they sleep
                ms[arm].append(run())
        cpu_kind = ours.ask("cpu")
        ours.close()
    gflop = 18e-9 * T * K * H * I
    median = {arm: statistics.median(values) for arm, values in ms.items()}
    return {
        "bench": "layer_vs_hf",
        "case": {"T": T, "H": H, "I": I, "E": E, "K": K, "routing": routing_name, "dtype": dtype_name},
        "ms": {arm: times(values) for arm, values in ms.items()},
        "gflops": {arm: 1e3 * gflop / value for arm, value in median.items()},
        "ratio": median["hugging_face"] / median["hecaton"],
        "dense_ratio": median["dense"] / median["hecaton"],
        "rows_per_expert": T * K / E,
        "max_difference": difference,
        "machine": {"cpu": args.cpu, "kind": cpu_kind, "threads": args.threads},
        "versions": {"hecaton": revision(), "torch": torch.__version__, "transformers": transformers.__version__},
        "implementation": args.implementation,
    }


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def revision():
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", default=None, help="folder for the inputs (default: the system's)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=DTYPES, action="append", help="default: both")
    parser.add_argument("--routing", choices=["balanced", "zipf"], action="append", help="default: both")
    parser.add_argument("--shape", type=lambda text: tuple(int(size) for size in text.split(",")), action="append",
                        help="T,H,I,E,K; default: four")
    parser.add_argument("--implementation", default="grouped_mm", choices=["grouped_mm", "eager"])
    args = parser.parse_args()
    args.cpu = cpu_name()
    torch.set_num_threads(args.threads)
    print(f"{'T, H, I, E, K':<26}{'routing':<10}{'dtype':<7}{'Hugging Face':>14}{'Hecaton':>12}{'ratio':>8}"
          f"{'GFLOP/s':>10}{'dense':>8}{'ratio':>8}", file=sys.stderr)
    ratios = {}
    dense_ratios = {}
    for dtype in args.dtype or list(DTYPES):
        for shape in args.shape or SHAPES:
            for routing in args.routing or ["balanced", "zipf"]:
                result = run_case(args, shape, routing, dtype)
                print(json.dumps(result), flush=True)
                ms = {arm: value["median"] for arm, value in result["ms"].items()}
                print(f"{', '.join(map(str, shape)):<26}{routing:<10}{dtype:<7}{ms['hugging_face']:>11.1f} ms"
                      f"{ms['hecaton']:>9.1f} ms{result['ratio']:>8.2f}{result['gflops']['hecaton']:>10.0f}"
                      f"{result['gflops']['dense']:>8.0f}{result['dense_ratio']:>8.2f}", file=sys.stderr)
                ratios.setdefault(dtype, []).append(result["ratio"])
                if result["rows_per_expert"] >= 256 and routing == "balanced":
                    dense_ratios.setdefault(dtype, []).append(result["dense_ratio"])
    summary = {}
    for dtype, values in ratios.items():
        summary[f"min_ratio_{dtype}"] = min(values)
        summary[f"geomean_ratio_{dtype}"] = statistics.geometric_mean(values)
    for dtype, values in dense_ratios.items():
        summary[f"min_dense_ratio_{dtype}"] = min(values)
    print(json.dumps({"summary": summary}))


if __name__ == "__main__":
    main()
