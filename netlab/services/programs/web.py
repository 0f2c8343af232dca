"""
A web server for a node: a page over HTTP, over TLS, and the quote API of alphavantage.co.

Run as ``python -I -S web.py NAME [--http] [--https CERTIFICATE] [--quotes]``. It knows nothing of netlab.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import socket
import ssl
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar, NamedTuple
from urllib.parse import parse_qs, urlsplit

PATIENCE_S = 30


class Quote(NamedTuple):
    """One day of one share: prices in units of 1/10000, as the API prints them."""

    open: int
    high: int
    low: int
    price: int
    volume: int
    previous: int


QUOTES: dict[str, Quote] = {
    "AAPL": Quote(2_277_900, 2_289_900, 2_254_100, 2_278_200, 34_080_000, 2_265_100),
    "AMZN": Quote(1_868_500, 1_884_200, 1_848_300, 1_869_900, 26_600_000, 1_875_500),
    "BA": Quote(1_549_000, 1_567_100, 1_531_200, 1_553_900, 6_915_000, 1_548_200),
    "CSCO": Quote(527_800, 531_500, 524_900, 530_100, 15_190_000, 526_400),
    "DIS": Quote(950_500, 962_300, 946_000, 956_600, 8_210_000, 953_100),
    "GE": Quote(1_873_200, 1_893_600, 1_862_000, 1_889_500, 4_012_000, 1_871_700),
    "GOOGL": Quote(1_618_800, 1_639_200, 1_611_500, 1_634_600, 22_610_000, 1_622_500),
    "IBM": Quote(2_212_000, 2_234_700, 2_206_200, 2_228_300, 3_476_000, 2_208_500),
    "INTC": Quote(237_500, 241_200, 234_800, 239_100, 61_530_000, 236_800),
    "JPM": Quote(2_108_700, 2_127_900, 2_095_300, 2_111_600, 7_840_000, 2_108_000),
    "KO": Quote(717_000, 720_400, 712_600, 718_600, 11_270_000, 717_400),
    "META": Quote(5_636_100, 5_689_000, 5_606_500, 5_672_400, 9_870_000, 5_641_100),
    "MSFT": Quote(4_281_600, 4_309_900, 4_256_800, 4_280_200, 15_120_000, 4_310_000),
    "NFLX": Quote(7_105_000, 7_142_300, 7_052_000, 7_075_400, 2_430_000, 7_114_500),
    "NVDA": Quote(1_239_700, 1_246_600, 1_203_800, 1_210_400, 271_600_000, 1_240_400),
    "ORCL": Quote(1_674_800, 1_698_300, 1_668_900, 1_690_000, 7_960_000, 1_673_100),
    "TSLA": Quote(2_545_600, 2_609_800, 2_537_300, 2_604_600, 67_140_000, 2_542_700),
    "TSCO.LON": Quote(3_590_000, 3_625_000, 3_580_000, 3_606_000, 11_830_000, 3_594_000),
    "XOM": Quote(1_157_000, 1_172_300, 1_151_800, 1_168_100, 13_640_000, 1_155_700),
}
"""Made up, of a plausible size. The day is the same for all."""

DAY = "2024-09-27"

_FIELDS = ("symbol", "open", "high", "low", "price", "volume", "latestDay", "previousClose", "change", "changePercent")
_NAMES = (
    "symbol", "open", "high", "low", "price", "volume", "latest trading day", "previous close", "change",
    "change percent",
)  # fmt: skip
_NO_KEY = (
    "the parameter apikey is invalid or missing. Please claim your free API key on "
    "(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
)
_INVALID = (
    "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for {}."
)
_OTHER_FUNCTIONS = {
    "TIME_SERIES_INTRADAY", "TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED", "TIME_SERIES_WEEKLY",
    "TIME_SERIES_WEEKLY_ADJUSTED", "TIME_SERIES_MONTHLY", "TIME_SERIES_MONTHLY_ADJUSTED", "SYMBOL_SEARCH",
    "MARKET_STATUS", "OVERVIEW", "CURRENCY_EXCHANGE_RATE", "FX_DAILY", "NEWS_SENTIMENT",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What goes back: HTTP status, media type, body."""

    status: int
    media_type: str
    body: str


def answer_query(query: str) -> Answer:
    """
    Answer a query string as the quote API does: with status 200 also where it is wrong.

    Source:
        alphavantage.co/documentation, "Quote Endpoint"; answers recorded in the issues of RomelTorres/alpha_vantage
        and finance-quote/finance-quote.
    """
    given = {name.lower(): values[-1] for name, values in parse_qs(query).items()}
    function = given.get("function", "").upper()
    if not given.get("apikey"):
        return _error(_NO_KEY)
    if function in _OTHER_FUNCTIONS:
        return _error(_INVALID.format(function))
    if function != "GLOBAL_QUOTE":
        return _error(f"This API function ({given.get('function', '')}) does not exist.")
    if not given.get("symbol"):
        return _error(_INVALID.format(function))
    values = quote_values(given["symbol"].upper())
    if given.get("datatype") == "csv":
        return Answer(200, "application/x-download", _csv(values))
    named = {f"{number:02}. {name}": value for number, (name, value) in enumerate(zip(_NAMES, values), 1)}  # noqa: B905
    return _json({"Global Quote": named})


def quote_values(symbol: str) -> tuple[str, ...]:
    """Return the values of a symbol's quote, in the API's order; () = there is no such symbol."""
    quote = QUOTES.get(symbol)
    if quote is None:
        return ()
    change = quote.price - quote.previous
    prices = [f"{value / 10_000:.4f}" for value in (*quote[:4], quote.previous, change)]
    return (symbol, *prices[:4], str(quote.volume), DAY, *prices[4:], f"{change / quote.previous * 100:.4f}%")


def answer_page(name: str, path: str) -> Answer:
    """Answer any other path."""
    if path != "/":
        return Answer(404, "text/html; charset=utf-8", "<!doctype html><title>Not Found</title><h1>Not Found</h1>\n")
    return Answer(200, "text/html; charset=utf-8", f"<!doctype html><title>{name}</title><h1>This is {name}</h1>\n")


def _error(text: str) -> Answer:
    return _json({"Error Message": text})


def _json(value: object) -> Answer:
    return Answer(200, "application/json", json.dumps(value, indent=4) + "\n")


def _csv(values: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_FIELDS)
    if values:
        writer.writerow(values)
    return text.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; TLS begins in the connection's own thread, so that a silent client stops nobody."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S

    name: ClassVar[str] = ""
    quotes: ClassVar[bool] = False

    def setup(self) -> None:
        """Begin TLS where the server has a certificate."""
        context = getattr(self.server, "tls", None)
        if context is not None:
            self.request.settimeout(PATIENCE_S)
            self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def version_string(self) -> str:
        """Return what the Server header says."""
        return "netlab"

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        asked = self.quotes and parts.path == "/query"
        answer = answer_query(parts.query) if asked else answer_page(self.name, parts.path)
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class names it so


class Server(ThreadingHTTPServer):
    """Listens on both families where the kernel has both."""

    tls: ssl.SSLContext | None = None
    daemon_threads = True

    def __init__(self, port: int) -> None:
        family, address = (socket.AF_INET6, "::") if has_ipv6() else (socket.AF_INET, "0.0.0.0")
        self.address_family = family
        super().__init__((address, port), Handler, bind_and_activate=False)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socket.socket.bind(self.socket, (address, port))  # not server_bind: it looks our name up, and waits for DNS
        self.server_name, self.server_port = "", port
        self.server_activate()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        """Say what ended a connection, in one line."""
        sys.stderr.write(f"{client_address}: {sys.exc_info()[1]}\n")


def has_ipv6() -> bool:
    """Tell whether IPv6 sockets can be made here."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::", 0))
    except OSError:
        return False
    return True


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--https", metavar="CERTIFICATE", help="PEM: key, certificate and its chain")
    parser.add_argument("--quotes", action="store_true")
    given = parser.parse_args()
    Handler.name, Handler.quotes = given.name, given.quotes
    servers = [Server(80)] if given.http else []
    if given.https:
        secure = Server(443)
        secure.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.tls.load_cert_chain(given.https)
        servers.append(secure)
    threads = [Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
