# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
"""The peer of bench/model_vs_hf: a plain PyTorch loop over a model of Hugging Face transformers.

hf_model_arm.py TOKENS MODEL THREADS DTYPE IMPLEMENTATION takes the commands of model_arm.cpp. MODEL is the
folder that model_arm saved: the weights, and the shape in config.json.
"""

import json
import re
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM


def peak_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def make_model(folder, dtype, implementation):
    shape = json.loads((folder / "config.json").read_text())
    keys = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "head_dim", "vocab_size", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "num_experts",
            "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob"]
    config = Qwen3MoeConfig(
        **{key: shape[key] for key in keys}, mlp_only_layers=[], decoder_sparse_step=1, output_router_logits=False,
        use_cache=False, experts_implementation=implementation)
    model = Qwen3MoeForCausalLM(config).to(dtype)
    weights = load_file(folder / "model.safetensors")
    for layer in range(shape["num_hidden_layers"]):
        prefix = f"model.layers.{layer}.mlp.experts."
        expert = lambda e, name: weights.pop(f"{prefix}{e}.{name}_proj.weight")
        experts = range(shape["num_experts"])
        weights[prefix + "gate_up_proj"] = torch.stack(
            [torch.cat([expert(e, "gate"), expert(e, "up")]) for e in experts])
        weights[prefix + "down_proj"] = torch.stack([expert(e, "down") for e in experts])
    model.load_state_dict(weights)
    return model.train()


def main():
    tokens, folder, threads, dtype, implementation = sys.argv[1:]
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    torch.set_num_threads(int(threads))
    before_model = peak_bytes()
    token_NBQ = load_file(tokens)["token_NBQ"]
    model = make_model(Path(folder), dtype, implementation)
    decayed = [p for name, p in model.named_parameters() if not re.search(r"norm\.weight|mlp\.gate\.weight", name)]
    others = [p for name, p in model.named_parameters() if re.search(r"norm\.weight|mlp\.gate\.weight", name)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=3e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)
    num_steps = 0
    for line in sys.stdin:
        command = line.split()[0]
        if command == "step":
            start = time.perf_counter()
            token_BQ = token_NBQ[num_steps % len(token_NBQ)]
            num_steps += 1
            logits = model(input_ids=token_BQ[:, :-1]).logits
            loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), token_BQ[:, 1:].flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            print(1e3 * (time.perf_counter() - start), loss.item(), flush=True)
        elif command == "reset-peak":
            Path("/proc/self/clear_refs").write_text("5")
            print(peak_bytes(), flush=True)
        elif command == "peak":
            print(peak_bytes(), flush=True)
        elif command == "peak-before-model":
            print(before_model, flush=True)
        elif command == "quit":
            break


if __name__ == "__main__":
    main()
