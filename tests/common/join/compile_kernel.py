"""Prints the GPU kernel's PTX for Hopper. Arguments: width of the rows, how much of it is loaded at once, a config."""

import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from components.common.join.gpu import CONFIGS, _find_hits

width, block, config = int(sys.argv[1]), int(sys.argv[2]), CONFIGS[int(sys.argv[3])]
constants = {"WIDTH": width, "BLOCK": block, "STRIP": 64, **config.kwargs}
loads = {name: f"tensordesc<fp16[{config.kwargs[name.upper()]},{block}]>" for name in ("rows", "columns")}
pointers = {"count": "*i64", "src": "*i32", "dst": "*i32", "words": "*i32"}
numbers = dict.fromkeys(("begin", "end", "first", "last", "capacity"), "i32") | {"floor": "fp32"}
source = ASTSource(_find_hits.fn, loads | pointers | numbers | dict.fromkeys(constants, "constexpr"), constants)
options = {"num_warps": config.num_warps, "num_stages": config.num_stages, "enable_fp_fusion": False}
print(triton.compile(source, GPUTarget("cuda", 90, 32), options).asm["ptx"])
