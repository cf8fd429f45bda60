"""The loop over Opus packets as machine code, which runs without Python's lock.

Thirty lines of LLVM's assembly are compiled in 10 ms; a compiler of Python would take a second to be loaded. It is
given the address of `opus_decode`, so that it is bound to no library.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, c_int32, c_int64, c_void_p
from typing import Any

from llvmlite import binding

ASSEMBLY = """
define i64 @decode_packets(ptr %decode, ptr %state, i64 %count, ptr %places, ptr %sizes, ptr %lengths, ptr %samples,
                           i32 %most) {
entry:
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %packet, label %end

packet:
  %k = phi i64 [0, %entry], [%next, %kept]
  %done = phi i64 [0, %entry], [%done_then, %kept]
  %size_at = getelementptr i32, ptr %sizes, i64 %k
  %size = load i32, ptr %size_at
  %held = icmp sgt i32 %size, 0
  br i1 %held, label %decoded, label %kept

decoded:
  %place_at = getelementptr ptr, ptr %places, i64 %k
  %place = load ptr, ptr %place_at
  %room = getelementptr i16, ptr %samples, i64 %done
  %result = call i32 %decode(ptr %state, ptr %place, i32 %size, ptr %room, i32 %most, i32 0)
  %taken = icmp sgt i32 %result, 0
  %few = select i1 %taken, i32 %result, i32 0
  %yield = sext i32 %few to i64
  br label %kept

kept:
  %length = phi i64 [0, %packet], [%yield, %decoded]
  %length_at = getelementptr i64, ptr %lengths, i64 %k
  store i64 %length, ptr %length_at
  %done_then = add i64 %done, %length
  %next = add i64 %k, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %packet, label %end

end:
  %all = phi i64 [0, %entry], [%done_then, %kept]
  ret i64 %all
}
"""
"""`decode_packets(decode, state, count, places, sizes, lengths, samples, most)` decodes `count` packets of `sizes[k]`
octets (int32) at the addresses `places[k]` into `samples` (int16), `most` samples of room for each. It writes how
many samples each yields into `lengths` (int64), 0 where it is refused or has no octets, and returns their sum."""

_ADDRESSES = c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_int32


def compile_loop() -> Any:
    """Compile `ASSEMBLY` for this processor.

    Returns
    -------
    ctypes function
        `decode_packets`; as its `engine` it holds the machine code, which has to live as long.

    Raises
    ------
    RuntimeError
        LLVM cannot do that here.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = binding.parse_assembly(ASSEMBLY)
    module.verify()
    engine = binding.create_mcjit_compiler(module, binding.Target.from_default_triple().create_target_machine())
    engine.finalize_object()
    decode_packets: Any = CFUNCTYPE(c_int64, *_ADDRESSES)(engine.get_function_address("decode_packets"))
    decode_packets.engine = engine
    return decode_packets
