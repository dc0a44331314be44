"""Turn a line of an orders table into a row, or into the first reason why it is none."""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

COLUMNS = ("order_id", "day", "country", "email", "quantity", "price")
MAX_TEXT = 80  # characters of a rejected line that are kept

BAD_DATE = "bad date"
NEGATIVE_QUANTITY = "negative quantity"
UNKNOWN_COUNTRY = "unknown country"
BROKEN_EMAIL = "broken email"
WRONG_COLUMN_COUNT = "wrong column count"
BAD_ORDER_ID = "bad order id"
BAD_QUANTITY = "bad quantity"
BAD_PRICE = "bad price"
UNREADABLE = "unreadable line"

COUNTRIES = frozenset(  # ISO 3166-1, alpha-2
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW""".split()
)
ORDER_ID = re.compile(r"[A-Za-z0-9-]{1,32}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
QUANTITY = re.compile(r"[1-9][0-9]{0,3}")
NEGATIVE = re.compile(r"-[0-9]+")
PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,2})?")  # with QUANTITY, a total fits in twelve digits


@dataclass(frozen=True)
class Row:
    order_id: str
    day: dt.date
    country: str
    email: str
    quantity: int
    price: Decimal

    @property
    def total(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True)
class Rejected:
    line: int
    reason: str
    text: str  # the line, or as much of it as is worth showing


def convert(line: str, delimiter: str) -> Row | str:
    """Turn a line into a row, or into the first reason why it is none."""
    try:
        fields = split(line, delimiter)
    except csv.Error:
        return UNREADABLE
    if len(fields) != len(COLUMNS):
        return WRONG_COLUMN_COUNT
    order_id, day, country, email, quantity, price = (field.strip() for field in fields)
    date = parse_day(day)
    if not ORDER_ID.fullmatch(order_id):
        return BAD_ORDER_ID
    if date is None:
        return BAD_DATE
    if country not in COUNTRIES:
        return UNKNOWN_COUNTRY
    if len(email) > 254 or not EMAIL.fullmatch(email):
        return BROKEN_EMAIL
    if not QUANTITY.fullmatch(quantity):
        return NEGATIVE_QUANTITY if NEGATIVE.fullmatch(quantity) else BAD_QUANTITY
    if not PRICE.fullmatch(price):
        return BAD_PRICE
    return Row(order_id, date, country, email, int(quantity), Decimal(price).quantize(Decimal("0.01")))


def parse_day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, strict=True), [])


def shorten(line: str) -> str:
    """Make a line fit to be stored and shown: printable, and no longer than MAX_TEXT."""
    text = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line.rstrip("\r\n")[: MAX_TEXT + 1])
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
