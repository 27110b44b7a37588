"""Laws of strict JSON."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.errors import RecordError
from datasetbuild.stages.read.parse import exact, strict, wide


@pytest.mark.parametrize(
    ("raw", "reason", "detail"),
    [
        (b'{"a": NaN}', "bad_json", "character 7 of the row: 'NaN}'"),
        (b'{"a": 1', "bad_json", "not valid JSON"),
        (b'{"a": "\\udc00"}', "bad_json", "not valid JSON"),
        (b"\xc3\x28", "bad_encoding", "byte 0xc3 at position 0"),
        (b"[" * 2000, "bad_json", ""),
    ],
)
def test_what_is_not_json_is_a_fault(raw: bytes, reason: str, detail: str) -> None:
    """Every departure from JSON has its reason, and the place within the row."""
    with pytest.raises(RecordError) as caught:
        strict(raw)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_the_last_of_equal_keys_wins() -> None:
    """A key that stands twice is accepted, as everywhere: the last value counts."""
    assert strict(b'{"a": 1, "a": 2}') == exact(b'{"a": 1, "a": 2}') == {"a": 2}


@given(st.lists(st.integers(-(2**80), 2**80) | st.integers(10**18, 10**20) | st.text(max_size=30), max_size=30))
def test_no_integer_is_rounded(values: list[int | str]) -> None:
    """Rows that orjson would round are named by `wide`, and `exact` keeps them digit by digit."""
    raws = [b'{"v":%s}' % (b"%d" % value if isinstance(value, int) else orjson.dumps(value)) for value in values]
    suspects = wide(raws)
    for index, (raw, value) in enumerate(zip(raws, values, strict=True)):
        found = (exact if index in suspects else strict)(raw)["v"]
        fits = isinstance(value, str) or -(2**63) <= value < 2**64
        assert found == (value if fits else str(value))
        assert type(found) is (type(value) if fits else str)


def test_memory_that_ends_is_no_fault_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """orjson says `JSONDecodeError` when it gets no memory; a good row that was set aside for it would be lost."""

    def no_room(raw: bytes) -> object:
        raise orjson.JSONDecodeError("Not enough memory to allocate buffer for parsing", "", 0)

    monkeypatch.setattr(orjson, "loads", no_room)
    with pytest.raises(MemoryError):
        strict(b"{}")
