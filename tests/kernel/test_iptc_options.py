"""Options of libxtables' extensions are found in the layout that iptables 1.8.11 gave them."""

import ctypes

import pytest

from netlab.kernel.xtables import driver

driver()  # iptc finds its libraries by it

from iptc.xtables import xt_option_entry  # noqa: E402 - see above

from netlab.kernel.iptc_options import _find_longer, _LongerOption  # noqa: E402 - likewise


@pytest.mark.parametrize(("name", "index"), [(b"group", 0), (b"prefix", 1), (b"size", 2), (b"siz", None), (b"", None)])
def test_an_option_is_found_by_its_whole_name(name: bytes, index: int | None) -> None:
    """The first one and those behind it; one that is not there is not."""
    options = (_LongerOption * 4)(*(_LongerOption(name=each) for each in (b"group", b"prefix", b"size", None)))
    found = _find_longer(None, ctypes.cast(options, ctypes.POINTER(xt_option_entry)), name)

    assert (found and ctypes.addressof(found)) == (
        None if index is None else ctypes.addressof(options) + index * ctypes.sizeof(_LongerOption)
    )


def test_the_longer_layout_has_one_number_more() -> None:
    """As large as the compiler makes it; the shorter one is the head of it."""
    assert (ctypes.sizeof(xt_option_entry), ctypes.sizeof(_LongerOption)) == (48, 56)
    assert _LongerOption.base.offset == ctypes.sizeof(xt_option_entry)
