"""lmkit.gguf against the `gguf` package, and against damaged files."""

import struct

import gguf as oracle
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmkit import gguf

KINDS = [
    oracle.GGMLQuantizationType.F32,
    oracle.GGMLQuantizationType.F16,
    oracle.GGMLQuantizationType.Q8_0,
    oracle.GGMLQuantizationType.Q4_1,
]
METADATA = {
    "a.uint8": 200, "a.int8": -100, "a.uint16": 60_000, "a.int16": -30_000, "a.float32": 0.5,
    "a.uint32": 4_000_000_000, "a.int32": -2_000_000_000, "a.uint64": 2**63, "a.int64": -(2**62),
    "a.bool": True, "a.float64": 0.1, "a.string": "text ✓", "a.array": [1, 2, 3],
}  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A small file with each number format and each kind of metadata, and what it holds."""
    path = tmp_path_factory.mktemp("gguf") / "sample.gguf"
    writer = oracle.GGUFWriter(path, "test")
    for name, value in METADATA.items():
        getattr(writer, "add_" + name.removeprefix("a."))(name, value)
    writer.add_array("a.words", ["one", "", "zwölf"])
    rng, tensors = np.random.default_rng(0), {}
    for kind in KINDS:
        floats = rng.normal(size=(3, 2, 64)).astype("f4")
        packed = oracle.quants.quantize(floats, kind)
        tensors[kind.name] = oracle.quants.dequantize(packed, kind)
        writer.add_tensor(kind.name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, tensors


def test_each_number_format_equals_the_oracle(sample):
    path, expected = sample
    _, tensors = gguf.read(path)
    assert tensors.keys() == expected.keys()
    for name, floats in expected.items():
        assert tensors[name].dtype == np.float32
        np.testing.assert_array_equal(tensors[name], floats, err_msg=name)


def test_each_kind_of_metadata_is_read(sample):
    metadata, _ = gguf.read(sample[0])
    assert METADATA.items() <= metadata.items()
    assert metadata["a.words"] == ["one", "", "zwölf"]


def test_the_model_equals_the_oracle(gguf_file, oracle_gguf, oracle_metadata):
    metadata, tensors = gguf.read(gguf_file)
    assert metadata == oracle_metadata
    assert tensors.keys() == {tensor.name for tensor in oracle_gguf.tensors}
    for tensor in oracle_gguf.tensors[:12] + oracle_gguf.tensors[-10:]:
        floats = oracle.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(tensors[tensor.name], floats, err_msg=tensor.name)


@pytest.mark.parametrize("content", [b"", b"G", b"PK\x03\x04 a zip", b"\0" * 100])
def test_another_kind_of_file_is_told(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=r"x is not a GGUF file: it does not begin with 'GGUF'$"):
        gguf.read(tmp_path / "x")


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        gguf.read(tmp_path / "absent.gguf")


def test_every_cut_is_told(sample, tmp_path):
    data, cut = sample[0].read_bytes(), tmp_path / "cut.gguf"
    ends = [*range(4, 1200, 7), *range(1200, len(data) - 40, 301)]
    for end in ends:
        cut.write_bytes(data[:end])
        with pytest.raises(ValueError, match="damaged or unsupported GGUF file: "):
            gguf.read(cut)


@given(st.lists(st.tuples(st.integers(4, 1500), st.integers(0, 255)), min_size=1, max_size=4))
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_flipped_bytes_raise_value_error_or_nothing(sample, tmp_path, flips):
    data = bytearray(sample[0].read_bytes())
    for at, byte in flips:
        data[at] = byte
    (tmp_path / "flipped.gguf").write_bytes(data)
    try:
        gguf.read(tmp_path / "flipped.gguf")
    except ValueError as error:
        assert "\n" not in str(error)


HUGE = 2**62
STRING = struct.pack("<Q1s", 1, b"a")


@pytest.mark.parametrize(
    "rest",
    [
        struct.pack("<IQQ", 3, HUGE, 0),
        struct.pack("<IQQ", 3, 0, HUGE),
        struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", HUGE),
        struct.pack("<IQQ", 3, 0, 1) + STRING + struct.pack("<IIQ", 9, 4, HUGE) + b"\0" * 64,
        struct.pack("<IQQ", 3, 0, 1) + STRING + struct.pack("<IIQ", 9, 8, HUGE) + b"\0" * 64,
        struct.pack("<IQQ", 3, 0, 1) + STRING + struct.pack("<IIQ", 9, 9, 1) + b"\0" * 64,
        struct.pack("<IQQ", 3, 1, 0) + STRING + struct.pack("<I", 2**32 - 1),
        struct.pack("<IQQ", 3, 1, 0) + STRING + struct.pack("<IQQIQ", 2, HUGE, HUGE, 0, 0),
        struct.pack("<IQQ", 3, 1, 0) + STRING + struct.pack("<IQIQ", 1, 32, 0, HUGE),
        struct.pack("<IQQ", 3, 1, 0) + STRING + struct.pack("<IQIQ", 1, 32, 12, 0) + b"\0" * 200,
        struct.pack("<IQQ", 1, 0, 0),
    ],
    ids=["tensors", "settings", "name", "array", "strings", "nested", "dims", "shape", "offset",
         "format", "version"],
)  # fmt: skip
def test_hostile_numbers_take_no_memory(tmp_path, rest):
    (tmp_path / "hostile.gguf").write_bytes(b"GGUF" + rest)
    with pytest.raises(ValueError, match="damaged or unsupported GGUF file: "):
        gguf.read(tmp_path / "hostile.gguf")
