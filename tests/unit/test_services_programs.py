"""The answers of netlab's own servers, without a socket."""

import json
import struct

import pytest

from netlab.services.programs.amazon import Tokens, look_up, time_answer
from netlab.services.programs.web import QUOTES, Answer, answer_page, answer_query, quote_values

IBM = """{
    "Global Quote": {
        "01. symbol": "IBM",
        "02. open": "221.2000",
        "03. high": "223.4700",
        "04. low": "220.6200",
        "05. price": "222.8300",
        "06. volume": "3476000",
        "07. latest trading day": "2024-09-27",
        "08. previous close": "220.8500",
        "09. change": "1.9800",
        "10. change percent": "0.8965%"
    }
}
"""


def test_a_quote_has_the_apis_shape_to_the_letter() -> None:
    """Names, order, strings for numbers, four decimals, indentation by four."""
    assert answer_query("function=GLOBAL_QUOTE&symbol=IBM&apikey=demo") == Answer(200, "application/json", IBM)


@pytest.mark.parametrize("symbol", QUOTES)
def test_every_quote_is_one_that_can_be(symbol: str) -> None:
    """The low is the lowest, the high the highest, and the change is the difference."""
    _, opened, high, low, price, volume, _, previous, change, percent = quote_values(symbol)

    assert float(low) <= min(float(opened), float(price)) <= max(float(opened), float(price)) <= float(high)
    assert float(change) == pytest.approx(float(price) - float(previous), abs=1e-4)
    assert float(percent.removesuffix("%")) == pytest.approx(float(change) / float(previous) * 100, abs=1e-3)
    assert int(volume) > 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("function=GLOBAL_QUOTE&symbol=ibm&apikey=demo", "IBM"),
        ("apikey=x&symbol=MSFT&function=GLOBAL_QUOTE", "MSFT"),
        ("function=GLOBAL_QUOTE&symbol=TSCO.LON&apikey=demo", "TSCO.LON"),
        ("function=GLOBAL_QUOTE&symbol=IBMX&apikey=demo", None),
    ],
)
def test_other_symbols_work_and_an_unknown_one_is_empty(query: str, expected: str | None) -> None:
    """The API has no error for it."""
    quote = json.loads(answer_query(query).body)["Global Quote"]

    assert quote.get("01. symbol") == expected
    assert bool(quote) is (expected is not None)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("function=GLOBAL_QUOTE&symbol=IBM", "the parameter apikey is invalid or missing. "),
        ("function=GLOBAL_QUOTE&symbol=IBM&apikey=", "the parameter apikey is invalid or missing. "),
        ("function=GLOBAL_QUOTE&apikey=demo", "Invalid API call. "),
        ("function=TIME_SERIES_DAILY&symbol=IBM&apikey=demo", "Invalid API call. "),
        ("function=GLOBAL_QUOT&symbol=IBM&apikey=demo", "This API function (GLOBAL_QUOT) does not exist."),
        ("symbol=IBM&apikey=demo", "This API function () does not exist."),
    ],
)
def test_a_wrong_call_is_answered_as_the_api_does(query: str, text: str) -> None:
    """Status 200, and an object with one key."""
    answer = answer_query(query)
    ((key, message),) = json.loads(answer.body).items()

    assert (answer.status, key, message[: len(text)]) == (200, "Error Message", text)


def test_a_quote_can_be_had_as_csv() -> None:
    """With the API's own column names."""
    text = answer_query("function=GLOBAL_QUOTE&symbol=IBM&apikey=demo&datatype=csv").body

    assert text.splitlines() == [
        "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent",
        "IBM,221.2000,223.4700,220.6200,222.8300,3476000,2024-09-27,220.8500,1.9800,0.8965%",
    ]


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/x", 404), ("/query", 404)])
def test_there_is_one_page(path: str, status: int) -> None:
    """It names its host."""
    answer = answer_page("ec2", path)

    assert answer.status == status
    assert ("This is ec2" in answer.body) is (status == 200)


TREE = {"meta-data/mac": "02:00", "meta-data/placement/region": "us-east-1", "dynamic/x": "1"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("meta-data/mac", "02:00"),
        ("/meta-data/mac/", "02:00"),
        ("", "dynamic/\nmeta-data/"),
        ("meta-data/", "mac\nplacement/"),
        ("meta-data/placement", "region"),
        ("meta-data/ma", None),
        ("meta", None),
    ],
)
def test_metadata_folders_list_what_is_below(path: str, text: str | None) -> None:
    """Folders end in a slash."""
    assert look_up(TREE, path) == text


def test_a_token_is_its_instances_alone() -> None:
    """And only while it lives."""
    tokens = Tokens({})
    token = tokens.make("i-1", 60)
    expired = tokens.make("i-1", 0)

    assert tokens.holds(token, "i-1")
    assert not tokens.holds(token, "i-2")
    assert not tokens.holds(expired, "i-1")
    assert not tokens.holds("", "")


def test_an_ntp_client_gets_the_time_and_its_own_stamp_back() -> None:
    """Version kept, mode server, stratum 1; what is no client's query gets nothing."""
    query = struct.pack("!B39x8s", 4 << 3 | 3, b"originat")
    answer = time_answer(query, 0.5)

    assert answer is not None
    assert (len(answer), answer[0], answer[1], answer[24:32]) == (48, 4 << 3 | 4, 1, b"originat")
    assert struct.unpack("!Q", answer[40:48])[0] == (2_208_988_800 << 32) + (1 << 31)
    assert time_answer(query[:47], 0.5) is None
    assert time_answer(b"\x24" + query[1:], 0.5) is None
