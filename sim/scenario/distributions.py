# ruff: noqa: D102 - the methods of the kinds are those of Distribution, and described there
"""Distributions of durations, applied through their quantile functions.

The engine draws uniforms and asks the distribution in force for the duration at that uniform, so an entity keeps its
luck when a reform changes the distribution. The formulas stand here, or are SciPy's special functions, so that a seed
gives the same durations whatever NumPy does with its own distributions.
"""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    RootModel,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sim.scenario.units import Duration, Share, format_duration, format_share, parse_duration

Floats = NDArray[np.float64]

_GRID = 2.0**-10
"""Quantiles of mixtures are found on this grid, in milliseconds; whole milliseconds lie on it."""


def _positive(milliseconds: int) -> int:
    if milliseconds <= 0:
        raise ValueError("expected a duration above zero; work of fixed length is written as the duration alone")
    return milliseconds


def _shape(shape: float) -> float:
    if not 0.1 <= shape <= 100:
        raise ValueError(f"expected a shape from 0.1 to 100, such as 1.5, found {shape:g}")
    return shape


def _weight(weight: float) -> float:
    if not 0 <= weight < math.inf:
        raise ValueError(f"expected a finite weight of zero or more, such as 2, found {weight:g}")
    return weight


def _list(example: str, length: int | None = None) -> Callable[[object], object]:
    """Return a check that a value is a list of the wanted length (None: at least one), with an example to show."""

    def check(value: object) -> object:
        if not isinstance(value, list | tuple) or len(value) != (length or max(1, len(value))):
            raise ValueError(f"expected a list such as {example}, found {_shown(value)}")
        return tuple(value)

    return check


def _mapping(example: str) -> BeforeValidator:
    """Return a check that a value is a mapping, with an example to show."""

    def check(value: object) -> object:
        if not isinstance(value, Mapping | BaseModel):
            raise ValueError(f"expected a mapping such as {example}, found {_shown(value)}")
        return value

    return BeforeValidator(check)


def _ascending(durations: tuple[int, ...]) -> tuple[int, ...]:
    if list(durations) != sorted(durations) or durations[0] == durations[-1]:
        found = ", ".join(format_duration(duration) for duration in durations)
        raise ValueError(f"expected the shortest duration first and a longer one last, found [{found}]")
    return durations


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]


class _Model(BaseModel):
    """A strict, frozen mapping that neither writes nor documents the keys that are not given."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in write(self).items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            field.pop("default", None)
            for choice in field.pop("anyOf", ()):
                if choice != {"type": "null"}:
                    field.update(choice)
        return schema


class Constant(RootModel[Duration]):
    """The same duration every time."""

    model_config = ConfigDict(strict=True, frozen=True)

    def quantile(self, u: Floats) -> Floats:
        return np.full(u.shape, float(self.root))

    def cdf(self, x: Floats) -> Floats:
        return (x >= self.root).astype(np.float64)

    def moments(self) -> tuple[float, float]:
        return float(self.root), 0.0

    def text(self) -> str:
        return format_duration(self.root)


class Uniform(
    RootModel[
        Annotated[
            tuple[Duration, Duration], BeforeValidator(_list("[5 min, 9 min]", length=2)), AfterValidator(_ascending)
        ]
    ]
):
    """Every duration between the shortest and the longest alike."""

    model_config = ConfigDict(strict=True, frozen=True)

    def quantile(self, u: Floats) -> Floats:
        low, high = self.root
        return low + (high - low) * u

    def cdf(self, x: Floats) -> Floats:
        low, high = self.root
        return np.clip((x - low) / (high - low), 0.0, 1.0)

    def moments(self) -> tuple[float, float]:
        low, high = self.root
        return (low + high) / 2, (high - low) ** 2 / 12

    def text(self) -> str:
        low, high = self.root
        return f"uniform, {format_duration(low)} to {format_duration(high)}"


class Triangular(
    RootModel[
        Annotated[
            tuple[Duration, Duration, Duration],
            BeforeValidator(_list("[1 min, 2 min, 6 min]", length=3)),
            AfterValidator(_ascending),
        ]
    ]
):
    """The shortest, the most frequent and the longest duration, as an expert would state them."""

    model_config = ConfigDict(strict=True, frozen=True)

    def quantile(self, u: Floats) -> Floats:
        low, mode, high = (float(value) for value in self.root)
        rises = u < (mode - low) / (high - low)
        root = np.where(rises, u, 1 - u)
        root *= high - low
        root *= np.where(rises, mode - low, high - mode)
        np.sqrt(root, out=root)
        np.negative(root, out=root, where=~rises)
        root += np.where(rises, low, high)
        return root

    def cdf(self, x: Floats) -> Floats:
        low, mode, high = (float(value) for value in self.root)
        x = np.clip(x, low, high)
        # The divisor 1 stands in where a side has no width; there only its end is read, whose numerator is 0.
        rising = (x - low) ** 2 / ((high - low) * (mode - low) or 1.0)
        falling = 1 - (high - x) ** 2 / ((high - low) * (high - mode) or 1.0)
        return np.where(x < mode, rising, falling)

    def moments(self) -> tuple[float, float]:
        low, mode, high = self.root
        spread = (high - low) ** 2 - (mode - low) * (high - mode)
        return (low + mode + high) / 3, spread / 18

    def text(self) -> str:
        low, mode, high = (format_duration(value) for value in self.root)
        return f"triangular, {low} to {high}, most often {mode}"


class Exponential(RootModel[PositiveDuration]):
    """The mean of a duration that ends at any instant with the same chance, however long it has lasted."""

    model_config = ConfigDict(strict=True, frozen=True)

    def quantile(self, u: Floats) -> Floats:
        return -self.root * np.log1p(-u)

    def cdf(self, x: Floats) -> Floats:
        return -np.expm1(-np.maximum(x, 0.0) / self.root)

    def moments(self) -> tuple[float, float]:
        return float(self.root), float(self.root) ** 2

    def text(self) -> str:
        return f"exponential, mean {format_duration(self.root)}"


class Lognormal(_Model):
    """A duration whose logarithm is normal: many near the usual, some far longer."""

    mean: PositiveDuration
    """The mean of the duration itself, not of its logarithm."""
    sd: PositiveDuration
    """The standard deviation of the duration itself, not of its logarithm."""

    def _logarithm(self) -> tuple[float, float]:
        """Return mean and standard deviation of the logarithm."""
        square = math.log1p((self.sd / self.mean) ** 2)
        return math.log(self.mean) - square / 2, math.sqrt(square)

    def quantile(self, u: Floats) -> Floats:
        from scipy.special import ndtri

        mean, sd = self._logarithm()
        return np.exp(mean + sd * ndtri(u))

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        mean, sd = self._logarithm()
        with np.errstate(divide="ignore"):
            return ndtr((np.log(np.maximum(x, 0.0)) - mean) / sd)

    def moments(self) -> tuple[float, float]:
        return float(self.mean), float(self.sd) ** 2

    def text(self) -> str:
        return f"lognormal, mean {format_duration(self.mean)}, sd {format_duration(self.sd)}"


class Gamma(_Model):
    """A duration that is the sum of many short exponential ones."""

    mean: PositiveDuration
    """The mean."""
    sd: PositiveDuration
    """The standard deviation."""

    def quantile(self, u: Floats) -> Floats:
        from scipy.special import gammaincinv

        return gammaincinv((self.mean / self.sd) ** 2, u) * (self.sd * self.sd / self.mean)

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import gammainc

        return gammainc((self.mean / self.sd) ** 2, np.maximum(x, 0.0) / (self.sd * self.sd / self.mean))

    def moments(self) -> tuple[float, float]:
        return float(self.mean), float(self.sd) ** 2

    def text(self) -> str:
        return f"gamma, mean {format_duration(self.mean)}, sd {format_duration(self.sd)}"


class Weibull(_Model):
    """A duration that grows more likely to end the longer it lasts (shape above 1), or less likely (below 1)."""

    scale: PositiveDuration
    """The duration within which 63.2% are done, whatever the shape."""
    shape: Annotated[float, AfterValidator(_shape)]
    """A bare number from 0.1 to 100; 1 is the exponential distribution."""

    def quantile(self, u: Floats) -> Floats:
        return self.scale * (-np.log1p(-u)) ** (1 / self.shape)

    def cdf(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return -np.expm1(-((np.maximum(x, 0.0) / self.scale) ** self.shape))

    def moments(self) -> tuple[float, float]:
        first = math.lgamma(1 + 1 / self.shape)
        mean = self.scale * math.exp(first)
        return mean, mean**2 * math.expm1(math.lgamma(1 + 2 / self.shape) - 2 * first)

    def text(self) -> str:
        return f"Weibull, scale {format_duration(self.scale)}, shape {self.shape:g}"


class Normal(_Model):
    """A normal duration, given that it is above zero (truncated at 0)."""

    mean: Duration
    """The mean before the truncation, which raises it."""
    sd: PositiveDuration
    """The standard deviation before the truncation, which lowers it."""

    def quantile(self, u: Floats) -> Floats:
        from scipy.special import ndtr, ndtri

        # From the upper tail: uniforms are multiples of 2**-53, so 1 - u is exact, and no digits are lost near 1.
        return np.maximum(self.mean - self.sd * ndtri((1 - u) * ndtr(self.mean / self.sd)), 0.0)

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        above = ndtr(self.mean / self.sd)
        return (ndtr((np.maximum(x, 0.0) - self.mean) / self.sd) - ndtr(-self.mean / self.sd)) / above

    def moments(self) -> tuple[float, float]:
        # Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), section 10.1.
        cut = self.mean / self.sd
        density = math.exp(-cut * cut / 2) / math.sqrt(2 * math.pi)
        ratio = density / (math.erfc(-cut / math.sqrt(2)) / 2)
        return self.mean + self.sd * ratio, float(self.sd) ** 2 * (1 - cut * ratio - ratio**2)

    def text(self) -> str:
        return f"normal truncated at 0, mean {format_duration(self.mean)}, sd {format_duration(self.sd)}"


class Empirical(_Model):
    """The recorded durations themselves, each as often as it was seen."""

    values: Annotated[tuple[Duration, ...], BeforeValidator(_list("[3 min, 5 min]"))] | None = None
    """The durations, in any order."""
    weights: (
        Annotated[tuple[Annotated[float, AfterValidator(_weight)], ...], BeforeValidator(_list("[2, 1]"))] | None
    ) = None
    """How often each value was seen, as bare numbers in the order of `values`; without it all count alike."""
    csv: str | None = None
    """A CSV file to read the durations from, relative to the scenario file, instead of `values`."""
    column: str | None = None
    """The column of the CSV file."""
    unit: str | None = None
    """The unit of the numbers in that column, such as `min`."""

    @model_validator(mode="after")
    def _check(self) -> "Empirical":
        from_file = (self.csv, self.column, self.unit)
        if (self.values is None) == (self.csv is None) or (None in from_file and set(from_file) != {None}):
            raise ValueError("expected either values, such as [3 min, 5 min], or csv with column and unit")
        if self.unit is not None:
            try:
                parse_duration(f"1 {self.unit}")
            except ValueError:
                raise ValueError(f'expected a unit of time such as "min", found "{self.unit}"') from None
        if self.weights is not None:
            if len(self.weights) != len(self.values or ()):
                raise ValueError(
                    f"expected one weight for each value, found {len(self.weights)} for {len(self.values or ())}"
                )
            if not sum(self.weights) > 0:
                raise ValueError("expected at least one weight above zero, such as [2, 1]")
        return self

    def _steps(self) -> tuple[Floats, Floats]:
        """Return the sorted values and the probability of each or a smaller one."""
        if self.values is None:
            raise ValueError(f'column "{self.column}" of {self.csv} has not been read')
        values = np.array(self.values, dtype=np.float64)
        weights = np.ones(len(values)) if self.weights is None else np.array(self.weights, dtype=np.float64)
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(weights[order])
        return values[order], cumulative / cumulative[-1]

    def quantile(self, u: Floats) -> Floats:
        values, cumulative = self._steps()
        return values[np.searchsorted(cumulative, u, side="left")]

    def cdf(self, x: Floats) -> Floats:
        values, cumulative = self._steps()
        return np.concatenate(([0.0], cumulative))[np.searchsorted(values, x, side="right")]

    def moments(self) -> tuple[float, float]:
        values, cumulative = self._steps()
        shares = np.diff(cumulative, prepend=0.0)
        mean = float(shares @ values)
        return mean, float(shares @ (values - mean) ** 2)

    def text(self) -> str:
        if self.values is None:
            return f"empirical, column {self.column} of {self.csv}"
        low, high = format_duration(min(self.values)), format_duration(max(self.values))
        return f"empirical, {len(self.values)} values from {low} to {high}"


class Part(_Model):
    """One part of a mixture."""

    share: Share
    """The chance that the duration comes from this part."""
    of: "Distribution"
    """The distribution of the durations of this part."""


_PARTS = "[{share: 80%, of: 5 min}, {share: 20%, of: {exponential: 2 h}}]"


def _whole(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    total = math.fsum(part.share for part in parts)
    if abs(total - 1) > 1e-9:
        raise ValueError(f"expected shares that sum to 100%, found {format_share(round(total, 9))}")
    return parts


class Mixture(
    RootModel[
        Annotated[
            tuple[Annotated[Part, _mapping("{share: 80%, of: 5 min}")], ...],
            BeforeValidator(_list(_PARTS)),
            AfterValidator(_whole),
        ]
    ]
):
    """A duration that comes from one of several distributions, each with its share."""

    model_config = ConfigDict(strict=True, frozen=True)

    def quantile(self, u: Floats) -> Floats:
        """Return the smallest point of the grid at which the cdf reaches u.

        The answer depends on u alone, not on the bracket that bisection starts from, so it never falls as u rises;
        and atoms, which are whole milliseconds, are met exactly.
        """
        quantiles = [part.of.quantile(u) for part in self.root]
        low = np.floor(np.min(quantiles, axis=0) / _GRID) * _GRID
        high = np.ceil(np.max(quantiles, axis=0) / _GRID) * _GRID
        high = np.where(self.cdf(low) >= u, low, high)
        while True:
            # From here on the cdf is below u at `low`, and reaches it at `high`.
            middle = np.floor((low + (high - low) / 2) / _GRID) * _GRID
            if not np.any((low < middle) & (middle < high)):
                return high
            reached = self.cdf(middle) >= u
            high = np.where(reached, np.minimum(middle, high), high)
            low = np.where(reached, low, np.maximum(middle, low))

    def cdf(self, x: Floats) -> Floats:
        total = math.fsum(part.share for part in self.root)
        return np.sum([part.share / total * part.of.cdf(x) for part in self.root], axis=0)

    def moments(self) -> tuple[float, float]:
        mean = math.fsum(part.share * part.of.mean for part in self.root)
        return mean, math.fsum(part.share * (part.of.variance + (part.of.mean - mean) ** 2) for part in self.root)

    def text(self) -> str:
        return "mixture of " + "; ".join(f"{format_share(part.share)} {part.of.text}" for part in self.root)


# One for each key of a Distribution.
Kind = Constant | Uniform | Triangular | Exponential | Lognormal | Gamma | Weibull | Normal | Empirical | Mixture


class Distribution(_Model):
    """How long something takes: a duration such as `15 min`, or exactly one of these kinds."""

    constant: Constant | None = None
    """The same duration every time; the short form is the duration alone."""
    uniform: Uniform | None = None
    """The shortest and the longest duration, such as `[5 min, 9 min]`; all between are alike."""
    triangular: Triangular | None = None
    """The shortest, the most frequent and the longest duration, such as `[1 min, 2 min, 6 min]`."""
    exponential: Exponential | None = None
    """The mean, such as `15 min`."""
    lognormal: Annotated[Lognormal, _mapping("{mean: 9 h, sd: 90 min}")] | None = None
    """Mean and standard deviation, such as `{mean: 9 h, sd: 90 min}`; usual for durations of human work."""
    gamma: Annotated[Gamma, _mapping("{mean: 2 h, sd: 1 h}")] | None = None
    """Mean and standard deviation, such as `{mean: 2 h, sd: 1 h}`; a lighter tail than `lognormal`."""
    weibull: Annotated[Weibull, _mapping("{scale: 2 h, shape: 1.5}")] | None = None
    """Scale and shape, such as `{scale: 2 h, shape: 1.5}`."""
    normal: Annotated[Normal, _mapping("{mean: 30 min, sd: 5 min}")] | None = None
    """Mean and standard deviation, such as `{mean: 30 min, sd: 5 min}`, truncated at 0."""
    empirical: Annotated[Empirical, _mapping("{values: [3 min, 5 min]}")] | None = None
    """Recorded durations, such as `{values: [3 min, 5 min]}` or `{csv: f.csv, column: minutes, unit: min}`."""
    mixture: Mixture | None = None
    """Shares of other distributions, such as `[{share: 80%, of: 5 min}, {share: 20%, of: {exponential: 2 h}}]`."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, Mapping | Distribution):
            return value
        parse_duration(value)
        return {"constant": value}

    @model_validator(mode="after")
    def _one_kind(self) -> "Distribution":
        given = [name for name in type(self).model_fields if name in self.model_fields_set]
        if len(given) != 1:
            kinds = ", ".join(type(self).model_fields)
            raise ValueError(f"expected exactly one of {kinds}; found {' and '.join(given) or 'none'}")
        if getattr(self, given[0]) is None:
            raise ValueError(f"expected the parameters of {given[0]}, found nothing")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the short form too."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        resolved = handler.resolve_ref_schema(schema)
        mapping = {**resolved, "minProperties": 1, "maxProperties": 1}
        head: dict[str, Any] = {key: mapping.pop(key) for key in ("title", "description") if key in mapping}
        resolved.clear()
        resolved.update({**head, "anyOf": [TypeAdapter(Duration).json_schema(), mapping]})
        return schema

    def quantile(self, u: ArrayLike) -> Floats:
        """Return the durations in milliseconds at probabilities u, each strictly between 0 and 1; same shape as u."""
        return self._kind.quantile(np.asarray(u, dtype=np.float64))

    def cdf(self, x: ArrayLike) -> Floats:
        """Return the probabilities of at most x milliseconds; same shape as x."""
        return self._kind.cdf(np.asarray(x, dtype=np.float64))

    @property
    def mean(self) -> float:
        """The mean in milliseconds."""
        return self._kind.moments()[0]

    @property
    def variance(self) -> float:
        """The variance in square milliseconds."""
        return self._kind.moments()[1]

    @property
    def text(self) -> str:
        """A short description in English, such as `lognormal, mean 9 h, sd 1 h 30 min`."""
        return self._kind.text()

    @property
    def _kind(self) -> Kind:
        (name,) = self.model_fields_set
        kind: Kind = getattr(self, name)
        return kind


Distribution.model_rebuild()
Part.model_rebuild()
