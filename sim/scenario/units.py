"""Quantities with their units: durations, rates and shares, read exactly from text.

A quantity without a unit is refused: `90` could be minutes or seconds, and nobody would notice. The arithmetic is
decimal, so `0.1 h` is exactly 360 000 ms and `0.4%` is the float nearest to 0.004.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

LONGEST = 36_525 * DAY
"""Durations stay below 100 years (Julian years of 365.25 days), so that sums of them stay far from overflow."""

LONGEST_TEXT = 1000
"""Characters of a quantity; more are a slip, and matching them could take hours."""

# Longest unit first: within one text the units must descend. Bare "m" is left out, it could be a minute or a month.
_UNITS = (
    (WEEK, "weeks|week|wk|w|个星期|星期|周"),
    (DAY, "days|day|d|天"),
    (HOUR, "hours|hour|hrs|hr|h|个小时|小时"),
    (MINUTE, "minutes|minute|mins|min|分钟|分"),
    (SECOND, "seconds|second|secs|sec|s|秒钟|秒"),
    (1, "milliseconds|millisecond|ms|毫秒"),
)
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_ANY_UNIT = "|".join(names for _, names in _UNITS)

_PLAIN = r"(?=[0-9])" + "".join(rf"(?:{_NUMBER}\s*(?:{names})\s*)?" for _, names in _UNITS)
_ISO = rf"P(?=[0-9T])(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
_RATE = rf"{_NUMBER}\s*(?:per\s+|/|每)\s*({_ANY_UNIT})"
_RATE_UNIT_FIRST = rf"每\s*({_ANY_UNIT})\s*{_NUMBER}"
_SHARE = rf"{_NUMBER}\s*[%％]"

_EXACT = Context(prec=100)


def parse_duration(value: object) -> int:
    """Read a duration and return whole milliseconds, a fraction of one rounded to the nearest (a half to even).

    Accepts English and Chinese units from weeks down to milliseconds, largest first (`1 h 30 min`, `2小时30分钟`), and
    ISO 8601 durations (`PT15M`). Months and years have no fixed length and are refused.

    Raises:
        ValueError: If the value is not such a text, is negative, or lasts 100 years or more.
    """
    text = _text(value, 'expected a duration with its unit, such as "15 min"')
    if match := re.fullmatch(_PLAIN, text):
        units = tuple(milliseconds for milliseconds, _ in _UNITS)
    elif match := re.fullmatch(_ISO, text):
        units = (WEEK, DAY, HOUR, MINUTE, SECOND)
    elif text.startswith("-"):
        raise ValueError(f'expected a duration of zero or more, such as "15 min", found "{value}"')
    elif re.search(r"month|year|[月年]|^P[0-9.]+[YM]", text):
        raise ValueError(f'expected days or weeks, such as "30 days", because a month varies, found "{value}"')
    else:
        raise ValueError(f'expected a duration such as "15 min", "1 h 30 min" or "PT15M", found "{value}"')
    total = Decimal(0)
    for number, unit in zip(match.groups(), units, strict=True):
        if number is not None:
            total = _EXACT.fma(Decimal(number), unit, total)
    if total >= LONGEST:
        raise ValueError(f'expected a duration below 100 years, such as "15 min", found "{value}"')
    return int(total.to_integral_value())


def parse_rate(value: object) -> float:
    """Read a rate and return it per day.

    Accepts `300 per day`, `70/week`, `12 per hour`, `300每天`, `300/天` and `每天300`, with every unit of a duration.

    Raises:
        ValueError: If the value is not such a text, or is one per millisecond or more.
    """
    text = _text(value, 'expected a rate with its unit, such as "300 per day"')
    number, unit = _rate_parts(text)
    if number is None or unit is None:
        if text.startswith("-"):
            raise ValueError(f'expected a rate of zero or more, such as "300 per day", found "{value}"')
        raise ValueError(f'expected a rate such as "300 per day", "12 per hour" or "70/week", found "{value}"')
    per_day = _EXACT.divide(_EXACT.multiply(Decimal(number), DAY), _unit_length(unit))
    if per_day >= DAY:
        raise ValueError(f'expected a rate below one per millisecond, such as "300 per day", found "{value}"')
    return float(per_day)


def parse_allowance(value: object) -> tuple[int, int]:
    """Read how many a period allows, such as `650 per day` or `12每小时`.

    Returns:
        A whole number and the length of the period in ms.

    Raises:
        ValueError: If the value is not such a text, or no whole number.
    """
    wanted = 'expected a whole number for each period, such as "650 per day"'
    number, unit = _rate_parts(_text(value, wanted))
    if number is None or unit is None or Decimal(number) != Decimal(number).to_integral_value():
        raise ValueError(f'{wanted}, found "{value}"')
    return int(Decimal(number)), _unit_length(unit)


def parse_share(value: object) -> float:
    """Read a percentage and return it as a fraction between 0 and 1.

    Raises:
        ValueError: If the value is not a percentage, or is above 100%.
    """
    text = _text(value, 'expected a share with its percent sign, such as "12%"')
    match = re.fullmatch(_SHARE, text)
    if match is None or Decimal(match[1]) > 100:
        raise ValueError(f'expected a share from 0% to 100%, such as "12%", found "{value}"')
    return float(_EXACT.divide(Decimal(match[1]), 100))


def format_duration(milliseconds: int) -> str:
    """Write a duration as the text a person would write; `parse_duration` reads the same milliseconds back."""
    if 0 < milliseconds < SECOND:
        return f"{milliseconds} ms"
    days, rest = divmod(milliseconds, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = [f"{days} day" if days == 1 else f"{days} days"] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    parts += [f"{_plain(Decimal(rest) / SECOND)} s"] if rest or not parts else []
    return " ".join(parts)


def format_rate(per_day: float) -> str:
    """Write a rate per day; `parse_rate` reads the same float back."""
    return f"{_plain(Decimal(repr(float(per_day))))} per day"


def format_share(share: float) -> str:
    """Write a fraction between 0 and 1 as a percentage; `parse_share` reads the same float back."""
    return f"{_plain(Decimal(repr(float(share))) * 100)}%"


def scale_text(text: object, factor: float | Decimal) -> str | None:
    """Multiply the quantity in a text by a factor, in decimal arithmetic.

    Returns:
        The scaled text, or None if the text is not a duration, a rate or a share. Durations are rounded to whole
        milliseconds; rates and shares keep their unit and every digit.

    Raises:
        ValueError: If the factor is negative or not finite, or the product is beyond what the quantity allows.
    """
    by = Decimal(str(factor))
    if not by.is_finite() or by < 0:
        raise ValueError(f"expected a finite factor of zero or more, such as 0.4, found {factor}")
    if not isinstance(text, str):
        return None
    if _reads(parse_duration, text):
        product = _EXACT.multiply(Decimal(parse_duration(text)), by)
        if product >= LONGEST:
            raise ValueError(f'"{text}" scaled by {factor} is no longer below 100 years')
        return format_duration(int(product.to_integral_value()))
    for parse, kind in ((parse_rate, "rate"), (parse_share, "share")):
        if _reads(parse, text):
            scaled = re.sub(_NUMBER, lambda match: _plain(_EXACT.multiply(Decimal(match[1]), by)), text.strip())
            if not _reads(parse, scaled):
                raise ValueError(f'"{text}" scaled by {factor} is "{scaled}", which is too large for a {kind}')
            return scaled
    return None


def _text(value: object, wanted: str) -> str:
    """Return the text without surrounding space, or refuse a value that carries no unit."""
    if not isinstance(value, str):
        raise ValueError(f"{wanted}, found {value!r}")
    text = value.strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{wanted}, found a text of {len(text)} characters")
    if re.fullmatch(r"[-+]?[0-9.]*", text):
        raise ValueError(f'{wanted}, found "{value}"')
    return text


def _rate_parts(text: str) -> tuple[str | None, str | None]:
    """Return number and unit of a rate, None for both if it is not one."""
    if match := re.fullmatch(_RATE, text):
        return match[1], match[2]
    if match := re.fullmatch(_RATE_UNIT_FIRST, text):
        return match[2], match[1]
    return None, None


def _unit_length(unit: str) -> int:
    """Return the milliseconds of one unit."""
    return next(milliseconds for milliseconds, names in _UNITS if unit in names.split("|"))


def _reads(parse: Callable[[object], float], text: str) -> bool:
    """Say whether a parser accepts the text."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _plain(number: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros."""
    return format(number.normalize(_EXACT), "f")


def _json_schema(pattern: str, *examples: str) -> WithJsonSchema:
    """Describe a quantity as a text in the JSON schema."""
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*(?:{pattern})\s*$", "examples": list(examples)})


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _json_schema(f"{_PLAIN}|{_ISO}", "15 min", "1 h 30 min", "PT15M", "2 days", "15分钟"),
]
"""Whole milliseconds, written as a text such as `15 min`."""

RatePerDay = Annotated[
    float,
    BeforeValidator(parse_rate),
    PlainSerializer(format_rate, return_type=str),
    _json_schema(f"{_RATE}|{_RATE_UNIT_FIRST}", "300 per day", "12 per hour", "70/week", "每天300"),
]
"""A rate per day, written as a text such as `12 per hour`."""

Share = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(format_share, return_type=str),
    _json_schema(_SHARE, "12%", "0.4%"),
]
"""A fraction between 0 and 1, written as a percentage such as `12%`."""

Allowance = Annotated[
    tuple[int, int],
    BeforeValidator(parse_allowance),
    PlainSerializer(lambda value: f"{value[0]} per {format_duration(value[1])}", return_type=str),
    _json_schema(f"{_RATE}|{_RATE_UNIT_FIRST}", "650 per day", "40 per hour"),
]
"""A whole number and the length of its period in ms, written as a text such as `650 per day`."""


def _measured_in(unit: str, example: str, *spellings: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """A number with one fixed unit, read as that number."""
    names = "|".join(re.escape(name) for name in (unit, *spellings))
    pattern = rf"{_NUMBER}\s*(?:{names})"

    def parse(value: object) -> float:
        wanted = f'expected a quantity in {unit}, such as "{example}"'
        match = re.fullmatch(pattern, _text(value, wanted))
        if match is None:
            raise ValueError(f'{wanted}, found "{value}"')
        return float(match[1])

    return BeforeValidator(parse), _json_schema(pattern, example)


Money = Annotated[float, *_measured_in("CNY", "400 CNY", "元", "yuan")]
"""An amount in CNY."""

MoneyPerHour = Annotated[float, *_measured_in("CNY per hour", "45 CNY per hour", "CNY/h", "元每小时", "元/小时")]
"""CNY per hour."""

MoneyPerDay = Annotated[float, *_measured_in("CNY per day", "1800 CNY per day", "CNY/day", "元每天", "元/天")]
"""CNY per day."""

LitresPerHour = Annotated[float, *_measured_in("L per hour", "3 L per hour", "L/h", "升每小时")]
"""Litres of fuel per hour."""

MoneyPerLitre = Annotated[float, *_measured_in("CNY per L", "7.4 CNY per L", "CNY/L", "元每升")]
"""CNY per litre."""

Kilograms = Annotated[float, *_measured_in("kg", "600 kg", "千克", "公斤")]
"""Kilograms."""

KilogramsPerLitre = Annotated[float, *_measured_in("kg per L", "2.68 kg per L", "kg/L")]
"""Kilograms per litre."""
