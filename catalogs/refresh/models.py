#!/usr/bin/env python3
"""Builds catalogs/data/models.json from collected configurations of models.

usage: models.py CONFIGS [OUTPUT]

CONFIGS is a JSON file {"as_of": date, "models": {id: row}}, each row with `config` (the model's config.json),
`config_basis` (`verbatim`, `derived` from a sibling, `from memory`), `parameters`, `weight_bytes` and what they are from,
`gated`, `license` and `sources`. Of a config only what the reader (fit/src/sizing) uses is kept. What such a file does not
have (task, first vLLM, variants, date, active parameters) stays as it is in OUTPUT; rows that CONFIGS does not have go.
"""

import json
import pathlib
import re
import sys

BASIS = {"verbatim": "verbatim", "derived": "derived", "from memory": "recalled"}

# Rows whose collected configuration is not that of the model, and why.
LEFT_OUT = {
    "Qwen/Qwen2-VL-2B-Instruct": "the copy is of the AWQ variant",
    "Qwen/Qwen2.5-Omni-7B": "the copy is of the AWQ variant",
    "RedHatAI/Mistral-Small-3.2-24B-Instruct-2506-FP8": "the copy has a quantization and no sizes",
    "nvidia/Nemotron-H-8B-Base-8K": "the number of parameters and the bytes contradict each other",
}

# Variants of the engine's recipes that are other models, or other checkpoints, and not this one in another precision.
NOT_VARIANTS = {
    "mistralai/Ministral-3-8B-Instruct-2512", "mistralai/Ministral-3-3B-Instruct-2512", "microsoft/Phi-4-reasoning",
    "microsoft/Phi-4-multimodal-instruct", "microsoft/Phi-4-mini-reasoning", "baidu/ERNIE-4.5-300B-A47B-PT",
    "deepseek-ai/DeepSeek-R1-0528", "nvidia/NVIDIA-Nemotron-Nano-9B-v2-Base",
    "nvidia/NVIDIA-Nemotron-Nano-9B-v2-Japanese", "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-Base-BF16",
}
PRECISION_IN_NAME = (("nvfp4", "nvfp4"), ("mxfp8", "mxfp8"), ("mxfp4", "mxfp4"), ("fp8", "fp8"))

# Class of a configuration that leaves it out, by its model type.
CLASSES = {
    "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "gemma2": "Gemma2ForCausalLM",
    "nemotron_h": "NemotronHForCausalLM",
}

# Keys that a collected configuration has from a sibling, and the model's own has not.
NOT_ITS_OWN = {
    "mistralai/Mistral-7B-Instruct-v0.2": ("sliding_window",),
    "moonshotai/Kimi-K2-Thinking": ("rope_scaling",),
    "moonshotai/Kimi-K2-Instruct-0905": ("rope_scaling",),
}

NESTED = {"text_config", "llm_config", "language_config", "thinker_config"}
# What the reader looks up (fit/src/sizing).
KEPT = set("""
    architectures model_type auto_map torch_dtype dtype tie_word_embeddings vocab_size type_vocab_size
    hidden_size n_embd d_model num_hidden_layers n_layer num_layers n_layers num_attention_heads n_head n_heads
    num_key_value_heads num_kv_heads n_head_kv multi_query_group_num num_attention_groups multi_query
    new_decoder_architecture head_dim attention_head_dim kv_channels attention_bias use_qk_norm
    intermediate_size ffn_hidden_size n_inner d_ff dense_intermediate_size intermediate_size_mlp
    num_experts num_local_experts n_routed_experts moe_num_experts num_experts_per_tok
    moe_intermediate_size expert_intermediate_size n_shared_experts num_shared_experts num_shared_expert moe_num_shared_experts
    shared_expert_intermediate_size shared_intermediate_size moe_shared_expert_intermediate_size share_expert_dim
    moe_latent_size routed_expert_hidden_size first_k_dense_replace num_dense_layers mlp_only_layers decoder_sparse_step
    interleave_moe_layer_step moe_layer_freq moe_layer_frequency moe_layers_enum moe_layer_start_index
    expert_layer_period expert_layer_offset enable_moe_block expert_dtype
    kv_lora_rank q_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim o_lora_rank o_groups
    index_head_dim index_n_heads index_topk indexer_types index_topk_freq compress_ratios
    layer_types layers_block_type hybrid_override_pattern hybrid_layer_pattern full_attention_interval
    attn_layer_period attn_layer_offset block_configs block_configs_summary cross_attention_layers
    sliding_window sliding_window_size sliding_window_pattern _sliding_window_pattern use_sliding_window max_window_layers
    attention_chunk_size global_head_dim num_global_key_value_heads attention_k_eq_v num_kv_shared_layers
    swa_num_attention_heads swa_num_key_value_heads swa_head_dim swa_v_head_dim attention_other_setting
    vocab_size_per_layer_input hidden_size_per_layer_input laurel_rank altup_num_inputs attn_output_gate
    linear_attn_config linear_conv_kernel_dim linear_key_head_dim linear_num_key_heads linear_num_value_heads
    linear_value_head_dim mamba_d_conv conv_kernel conv_L_cache mamba_num_heads mamba_n_heads n_mamba_heads mamba_head_dim
    mamba_d_head mamba_headdim mamba_expand expand ssm_state_size mamba_d_state mamba_d_ssm mamba_d_ssm_state n_groups
    mamba_n_groups mamba_ngroups mamba_num_groups time_step_rank
    num_nextn_predict_layers mtp_num_hidden_layers
    encoder_layers decoder_layers encoder_attention_heads decoder_attention_heads num_mel_bins max_target_positions
    max_source_positions encoder_ffn_dim decoder_ffn_dim num_decoder_layers
    max_position_embeddings n_positions max_seq_len seq_length max_sequence_length model_max_length
    block_auto_adjust_ff_dim block_ff_dim block_ffn_dim_multiplier block_multiple_of
    rope_scaling rope_parameters original_max_position_embeddings
    quantization_config compression_config hf_quant_config vision_config
""".split())
ROPE = {"type", "rope_type", "factor", "original_max_position_embeddings"}
VISION = {
    "hidden_size", "embed_dim", "width", "num_hidden_layers", "depth", "layers", "intermediate_size", "mlp_ratio",
    "out_hidden_size", "num_heads", "num_attention_heads", "model_type", "spatial_merge_size",
    "deepstack_visual_indexes",
}
QUANTIZATION = {
    "quant_method", "bits", "w_bit", "weight_bits", "num_bits", "group_size", "q_group_size", "quant_algo", "quant_type",
    "load_in_8bit", "_load_in_8bit", "weight_block_size", "zero_point", "sym", "moe_quant_algo", "kv_cache_quant_algo",
}
EXCLUDED_MODULES = ("ignore", "modules_to_not_convert", "exclude_modules")
# A list of more names than this is told by its patterns.
MANY = 8


def patterns(names, layers):
    """Names of modules with the number of the layer as `*`, where they are of nearly all layers; one by one else."""
    groups = {}
    for name in names:
        groups.setdefault(re.sub(r"(?<=\.)\d+(?=\.|$|\*)", "*", name), set()).add(name)
    found = []
    for pattern, members in groups.items():
        # What is left out of a few layers only says nothing of the rest.
        if "*" not in pattern or pattern in names or len(members) >= 0.9 * layers:
            found.append(pattern)
    return sorted(found)


def quantization(given, layers):
    kept = {key: value for key, value in given.items() if key in QUANTIZATION}
    for key in EXCLUDED_MODULES:
        names = [name for name in given.get(key) or [] if isinstance(name, str)]
        if names:
            kept[key] = names if len(names) <= MANY else patterns(names, layers)
    if "config_groups" in given:
        kept["config_groups"] = {name: group_of(group) for name, group in given["config_groups"].items()}
    if "quantized_layers" in given:
        kinds = {}
        for name, layer in given["quantized_layers"].items():
            pattern = re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name)
            kinds[pattern] = {"quant_algo": layer.get("quant_algo")}
        kept["quantized_layers"] = kinds
    return kept


def group_of(group):
    weights = {key: value for key, value in (group.get("weights") or {}).items() if key in ("num_bits", "type", "group_size")}
    activations = group.get("input_activations")
    activations = activations and {"num_bits": activations.get("num_bits")}
    targets = group.get("targets") or []
    targets = targets if len(targets) <= MANY else patterns(targets, 1)
    return {"weights": weights, "input_activations": activations, "targets": targets}


def rope(given):
    if any(isinstance(value, dict) for value in given.values()):
        kinds = {name: rope(value) for name, value in given.items() if isinstance(value, dict)}
        return {name: value for name, value in kinds.items() if value}
    return {key: value for key, value in given.items() if key in ROPE}


def reduced(config, layers=None):
    layers = config.get("num_hidden_layers") or layers or 1
    kept = {}
    for key, value in config.items():
        if value is None or value is False and key not in ("tie_word_embeddings", "use_sliding_window"):
            continue
        if key in NESTED and isinstance(value, dict):
            kept[key] = reduced(value, layers)
        elif key not in KEPT:
            continue
        elif key in ("quantization_config", "compression_config", "hf_quant_config"):
            kept[key] = quantization(value, (config.get("text_config") or config).get("num_hidden_layers") or layers)
        elif key in ("rope_scaling", "rope_parameters"):
            if found := rope(value):
                kept[key] = found
        elif key == "vision_config":
            kept[key] = {name: number for name, number in value.items() if name in VISION and number is not None}
        elif key == "auto_map":
            kept[key] = True
        elif key == "linear_attn_config":
            names = ("full_attn_layers", "num_heads", "head_dim", "short_conv_kernel_size")
            kept[key] = {name: value[name] for name in names if name in value}
        else:
            kept[key] = value
    return kept


def publics(sources):
    """What the source strings name, in short and only what is public."""
    found = []
    for source in sources:
        code, _, rest = source.partition(": ")
        if match := re.search(r"github ([\w.-]+/[\w.-]+)(?:@(\w+))?", rest):
            name = match[1] + (f"@{match[2]}" if match[2] else "")
        elif code == "A":
            name = "aiconfigurator-core 0.12.0 (PyPI)"
        elif code == "L":
            name = "the crate llmfit-core 1.1.18, hub scrape of about 2026-10-12"
        elif code == "B":
            name = "litgpt 0.5.13 (PyPI)"
        elif code == "MTEB":
            name = "mteb 2.26.24 (PyPI)"
        elif source.startswith("from memory"):
            name = "recalled; held against the number of parameters"
        elif code == "K":
            name = "keras-hub 0.32.0 (PyPI)"
        elif code == "T":
            name = "transformers 5.24.0 (PyPI)"
        else:
            name = "public projects that quote the config.json"
        if name not in found:
            found.append(name)
    return found


def gating(row):
    """Whether the model is gated and how that is known: from the `hub`, or only from its `publisher`."""
    source = row.get("gated_source") or ""
    if row.get("gated") is None or source.startswith("unknown"):
        return {}
    if source.startswith(("config readable", "hub API")):
        return {"gated": row["gated"], "gated_from": "hub"}
    return {"gated": row["gated"], "gated_from": "publisher"}


def variants(known):
    found = []
    for variant in known.get("variants", []):
        if variant["id"] in NOT_VARIANTS:
            continue
        last = variant["id"].lower()
        named = next((precision for word, precision in PRECISION_IN_NAME if word in last), None)
        found.append({"id": variant["id"], "precision": named or variant.get("precision")})
    return [{key: value for key, value in variant.items() if value} for variant in found]


def built(id, row, known):
    config = reduced(row["config"])
    for key in NOT_ITS_OWN.get(id, ()):
        config.pop(key, None)
        config.get("text_config", {}).pop(key, None)
    classes = config.pop("architectures", None)
    nested = next((config[name] for name in sorted(NESTED) if name in config), {})
    nested.pop("architectures", None)
    model_type = row["config"].get("model_type")
    architecture = classes[0] if classes else known.get("architecture") or CLASSES[model_type]
    task = known.get("task")
    if task is None and any(source.startswith("MTEB") or source.startswith("mteb") for source in row["sources"] or []):
        task = "feature-extraction"
    if task is None and row.get("parameters_source") == "mteb":
        task = "feature-extraction"
    out = {"id": id, "parameters": row["parameters"]}
    if "FP4" in id and row["weight_bytes"] is None:
        # The hub counts packed elements, two weights each.
        out["parameters"] = None
    if (out["parameters"] or 1) % 1_000_000 == 0:
        # A label, and no count: the reader counts.
        out["parameters"] = None
    if out["parameters"]:
        out["parameters_from"] = "hub" if re.match(r"hub total|mteb", row["parameters_source"] or "") else "config"
    out["active_parameters"] = known.get("active_parameters")
    out["weight_bytes"] = row["weight_bytes"]
    if row["weight_bytes"]:
        published = str(row.get("weight_bytes_basis")).startswith("published")
        out["weight_bytes_from"] = "published" if published else "calculated"
    out["architecture"] = architecture
    out["architecture_derived"] = not classes
    out["task"] = task
    out["license"] = row.get("license") or known.get("license")
    out |= gating(row)
    out["min_vllm"] = known.get("min_vllm")
    out["variants"] = variants(known)
    out["released"] = known.get("released")
    out["basis"] = BASIS[row["config_basis"]]
    if out["basis"] == "verbatim":
        del out["basis"]
    if sibling := re.search(r"copy of the sibling ([\w./-]+)\]", " ".join(row["sources"] or [])):
        out["sibling"] = sibling[1]
    out["source"] = "; ".join(publics(row["sources"] or []))
    out["config"] = config
    return {key: value for key, value in out.items() if value not in (None, False, []) or key == "gated" and value is False}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    collected = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    default = pathlib.Path(__file__).resolve().parent.parent / "data" / "models.json"
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else default
    before = json.loads(output.read_text(encoding="utf-8"))["models"] if output.exists() else []
    known = {row["id"]: row for row in before}
    rows = {
        id: row for id, row in collected["models"].items()
        if row["config_basis"] in BASIS and id not in LEFT_OUT and says_something(row)
    }
    # What was there stays in its order; new rows follow in that of their ids.
    order = [id for id in known if id in rows] + sorted(set(rows) - set(known), key=str.lower)
    write(output, collected["as_of"], [built(id, rows[id], known.get(id, {})) for id in order])


def says_something(row):
    """Sizes of layers, or at least totals."""
    config = row["config"]
    inner = next((config[key] for key in NESTED if key in config), config)
    layers = ("num_hidden_layers", "n_layer", "num_layers", "layers_block_type", "hybrid_override_pattern")
    sized = "vocab_size" in inner and any(key in inner for key in layers)
    return bool(row["parameters"] and row["weight_bytes"]) or sized


def write(output, as_of, models):
    """One row a line, so that a change of one is a change of one line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in models)
    head = {
        "as_of": as_of,
        "source": "config.json files and totals as the rows say; tasks, first releases and variants of vLLM recipes 8959cf6 "
        "(2026-08-21)",
    }
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    output.write_text(f'{text},\n "models": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
