"""Quantities are read exactly, written shortest, and refused in one sentence."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from sim.scenario.units import (
    DAY,
    HOUR,
    LONGEST,
    MINUTE,
    SECOND,
    WEEK,
    Duration,
    RatePerDay,
    Share,
    format_duration,
    format_rate,
    format_share,
    parse_duration,
    parse_rate,
    parse_share,
    scale_text,
)

DURATIONS = {
    "15 min": 15 * MINUTE,
    "15min": 15 * MINUTE,
    "  15 min ": 15 * MINUTE,
    "1.5 h": 90 * MINUTE,
    "0.1 h": 6 * MINUTE,
    "90 s": 90 * SECOND,
    "250 ms": 250,
    "0.25 seconds": 250,
    "2 days": 2 * DAY,
    "1 day": DAY,
    "3 d": 3 * DAY,
    "1 week": WEEK,
    "2 weeks": 2 * WEEK,
    "1 h 30 min": 90 * MINUTE,
    "1h30min": 90 * MINUTE,
    "2 days 3 hours 4 minutes 5 seconds 6 milliseconds": 2 * DAY + 3 * HOUR + 4 * MINUTE + 5006,
    "0 s": 0,
    "PT15M": 15 * MINUTE,
    "PT0.5S": 500,
    "P1DT2H": 26 * HOUR,
    "P2W": 2 * WEEK,
    "15分钟": 15 * MINUTE,
    "15 分": 15 * MINUTE,
    "2小时30分钟": 150 * MINUTE,
    "1个小时": HOUR,
    "3天": 3 * DAY,
    "30秒": 30 * SECOND,
    "200毫秒": 200,
    "1周": WEEK,
    "2个星期": 2 * WEEK,
    "0.5 ms": 0,
    "1.5 ms": 2,
    "36524.9 days": 365_249 * DAY // 10,
}

NOT_DURATIONS = {
    15: 'expected a duration with its unit, such as "15 min", found 15',
    1.5: 'expected a duration with its unit, such as "15 min", found 1.5',
    True: 'expected a duration with its unit, such as "15 min", found True',
    None: 'expected a duration with its unit, such as "15 min", found None',
    "15": 'expected a duration with its unit, such as "15 min", found "15"',
    "-1.5": 'expected a duration with its unit, such as "15 min", found "-1.5"',
    "": 'expected a duration with its unit, such as "15 min", found ""',
    "-5 min": 'expected a duration of zero or more, such as "15 min", found "-5 min"',
    "2 months": 'expected days or weeks, such as "30 days", because a month varies, found "2 months"',
    "1 year": 'expected days or weeks, such as "30 days", because a month varies, found "1 year"',
    "3个月": 'expected days or weeks, such as "30 days", because a month varies, found "3个月"',
    "P1M": 'expected days or weeks, such as "30 days", because a month varies, found "P1M"',
    "36525 days": 'expected a duration below 100 years, such as "15 min", found "36525 days"',
    "9" * 400 + " h": f'expected a duration below 100 years, such as "15 min", found "{"9" * 400} h"',
} | {
    text: f'expected a duration such as "15 min", "1 h 30 min" or "PT15M", found "{text}"'
    for text in (
        *(
            "soon",
            "min",
            "15 m",
            "15 MIN",
            "1 h 30",
            "30 min 1 h",
            "5 min 5 min",
            "1e3 s",
            "1,5 h",
            "5 min!",
            "5\0 min",
        ),
        *("P", "PT", "P1DT", "pt15m", "PT15", "inf h", "nan s", "1..5 h", ".5 h", "5. h", "٣ min", "½ h"),
    )
}

RATES = {
    "300 per day": 300.0,
    "12 per hour": 288.0,
    "70 per week": 10.0,
    "70/week": 10.0,
    "1 per week": 1 / 7,
    "0.1 / min": 144.0,
    "每天300": 300.0,
    "300每天": 300.0,
    "300/天": 300.0,
    "每小时 12": 288.0,
    "0 per day": 0.0,
}

NOT_RATES = {
    300: 'expected a rate with its unit, such as "300 per day", found 300',
    False: 'expected a rate with its unit, such as "300 per day", found False',
    "300": 'expected a rate with its unit, such as "300 per day", found "300"',
    "-3 per day": 'expected a rate of zero or more, such as "300 per day", found "-3 per day"',
    "1 per ms": 'expected a rate below one per millisecond, such as "300 per day", found "1 per ms"',
} | {
    text: f'expected a rate such as "300 per day", "12 per hour" or "70/week", found "{text}"'
    for text in ("often", "300 per", "300perday", "300 day", "300 per month", "per day", "3 per 2 h", "每天", "12%")
}

SHARES = {
    "12%": 0.12,
    "0.4%": 0.004,
    "12.5 %": 0.125,
    "12％": 0.12,
    "0%": 0.0,
    "100%": 1.0,
    "33.3%": 0.333,
}

NOT_SHARES = {
    0.12: 'expected a share with its percent sign, such as "12%", found 0.12',
    True: 'expected a share with its percent sign, such as "12%", found True',
    "0.12": 'expected a share with its percent sign, such as "12%", found "0.12"',
} | {
    text: f'expected a share from 0% to 100%, such as "12%", found "{text}"'
    for text in ("101%", "100.0000000000000000000000001%", "-1%", "%", "12 percent", "half", "12%%", "15 min")
}


@pytest.mark.parametrize(("text", "milliseconds"), DURATIONS.items())
def test_duration_is_read_exactly(text, milliseconds):
    found = parse_duration(text)
    assert found == milliseconds
    assert type(found) is int


@pytest.mark.parametrize(("text", "per_day"), RATES.items())
def test_rate_is_read_per_day(text, per_day):
    assert parse_rate(text) == per_day


@pytest.mark.parametrize(("text", "share"), SHARES.items())
def test_share_is_the_nearest_float(text, share):
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("parse", "value", "sentence"),
    [
        (parse, value, sentence)
        for parse, cases in ((parse_duration, NOT_DURATIONS), (parse_rate, NOT_RATES), (parse_share, NOT_SHARES))
        for value, sentence in cases.items()
    ],
)
def test_anything_else_is_refused_in_one_sentence(parse, value, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse(value)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"),
        (1, "1 ms"),
        (999, "999 ms"),
        (1500, "1.5 s"),
        (60_001, "1 min 0.001 s"),
        (15 * MINUTE, "15 min"),
        (90 * MINUTE, "1 h 30 min"),
        (DAY, "1 day"),
        (14 * DAY + HOUR, "14 days 1 h"),
    ],
)
def test_duration_is_written_as_a_person_would(milliseconds, text):
    assert format_duration(milliseconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.004, "0.4%"), (0.12, "12%"), (0.333, "33.3%"), (1.0, "100%")]
)
def test_share_is_written_without_rounding_noise(share, text):
    assert format_share(share) == text


@given(st.integers(0, LONGEST - 1))
def test_every_duration_survives_writing_and_reading(milliseconds):
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@given(st.floats(0, 1, allow_subnormal=True))
def test_every_share_survives_writing_and_reading(share):
    assert parse_share(format_share(share)) == share


@given(st.floats(0, DAY, exclude_max=True))
def test_every_rate_survives_writing_and_reading(per_day):
    assert parse_rate(format_rate(per_day)) == per_day


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers(), max_size=2))
def test_no_input_breaks_a_parser(value):
    for parse in (parse_duration, parse_rate, parse_share):
        try:
            parse(value)
        except ValueError as error:
            assert str(error).startswith("expected ")  # noqa: PT017 - most values are refused, a few may pass


@given(st.integers(0, LONGEST - 1), st.decimals(0, 1, places=6) | st.floats(0, 1))
def test_scaled_duration_is_the_rounded_product(milliseconds, factor):
    exact = Context(prec=1000).multiply(Decimal(milliseconds), Decimal(str(factor)))
    scaled = scale_text(format_duration(milliseconds), factor)
    assert parse_duration(scaled) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


@given(st.decimals(0, 100, places=4), st.decimals(0, 1, places=4))
def test_scaled_share_and_rate_are_the_product(number, factor):
    assert parse_share(scale_text(f"{number}%", factor)) == float(number * factor / 100)
    assert parse_rate(scale_text(f"{number} per day", factor)) == float(number * factor)


@pytest.mark.parametrize(
    ("text", "factor", "scaled"),
    [
        ("15 min", 0.4, "6 min"),
        ("15 min", 1, "15 min"),
        ("PT15M", 3, "45 min"),
        ("2小时30分钟", 0.4, "1 h"),
        ("1 ms", 0.5, "0 s"),
        ("3 ms", 0.5, "2 ms"),
        ("300 per day", 1.1, "330 per day"),
        ("70/week", 0.1, "7/week"),
        ("每小时12", 0.5, "每小时6"),
        ("0.1%", 3, "0.3%"),
        ("12.5 %", 0.1, "1.25 %"),
        ("scanner", 0.4, None),
        ("12", 0.4, None),
        (12, 0.4, None),
        (None, 0.4, None),
    ],
)
def test_scaling_keeps_the_kind_of_quantity(text, factor, scaled):
    assert scale_text(text, factor) == scaled


@pytest.mark.parametrize(
    ("text", "factor", "sentence"),
    [
        ("40%", 3, '"40%" scaled by 3 is "120%", which is too large for a share'),
        (
            "300 per day",
            1e9,
            '"300 per day" scaled by 1000000000.0 is "300000000000 per day", which is too large for a rate',
        ),
        ("99 weeks", 100, '"99 weeks" scaled by 100 is no longer below 100 years'),
        ("15 min", -1, "expected a finite factor of zero or more, such as 0.4, found -1"),
        ("15 min", float("nan"), "expected a finite factor of zero or more, such as 0.4, found nan"),
        ("15 min", float("inf"), "expected a finite factor of zero or more, such as 0.4, found inf"),
    ],
)
def test_scaling_out_of_range_is_refused(text, factor, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        scale_text(text, factor)


class Quantities(BaseModel):
    model_config = ConfigDict(strict=True)

    duration: Duration
    rate: RatePerDay
    share: Share


def test_models_hold_numbers_and_write_texts_that_they_read_again():
    model = Quantities(duration="90 min", rate="12 per hour", share="12.5%")
    assert (model.duration, model.rate, model.share) == (90 * MINUTE, 288.0, 0.125)
    assert model.model_dump() == {"duration": "1 h 30 min", "rate": "288 per day", "share": "12.5%"}
    assert Quantities(**model.model_dump()) == model


def test_models_refuse_bare_numbers():
    with pytest.raises(ValidationError) as caught:
        Quantities(duration=90, rate=12, share=0.12)
    assert [error["loc"] for error in caught.value.errors()] == [("duration",), ("rate",), ("share",)]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [("duration", DURATIONS, NOT_DURATIONS), ("rate", RATES, NOT_RATES), ("share", SHARES, NOT_SHARES)],
)
def test_json_schema_agrees_with_the_parser(field, good, bad):
    schema = Quantities.model_json_schema()["properties"][field]
    assert schema["type"] == "string"
    texts = [text for text in bad if isinstance(text, str)]
    # What only arithmetic can tell, a pattern cannot.
    arithmetic = {"36525 days", "9" * 400 + " h", "1 per ms", "101%", "100.0000000000000000000000001%"}
    assert all(re.search(schema["pattern"], text) for text in [*good, *schema["examples"]])
    assert {text for text in texts if re.search(schema["pattern"], text)} == arithmetic & set(texts)
