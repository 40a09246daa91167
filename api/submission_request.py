"""A submission as a publisher writes it, and the offer it becomes. Every wrong field is named at once.

Prices are credits as a decimal string or a number; 0 is no price. The program comes as exactly one of a module, a
model or an image, of which a module's bytes are uploaded under their digest before it is handed in.
"""

import hashlib
from typing import Annotated, Any, Final

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from api.cargo_manifest import Description, ManifestLimits, Positive, PublishableSlug, Version, Whole
from api.errors import ApiError, ErrorCode
from api.input_schemas import check_schema
from api.listing_fields import (
    LINE,
    SCREENSHOTS_MAX,
    TAGLINE_CHARACTERS_MAX,
    HttpsUrl,
    Readme,
    Tags,
)
from api.request_fields import Name
from api.shapes.amounts import parse_price
from domain.cargo_spec import CargoSpec, CargoVersion, Determinism, Listing, Requirements, Runtime
from domain.cargo_trust import OFFICIAL_LEVEL
from domain.category import CATEGORY, CATEGORY_CHARACTERS_MAX
from domain.ids import AccountId, CargoSlug
from domain.pricing import PRICE_RULES_VERSION, PUBLISHER_PERMILLE, PriceUnit
from domain.submission import Offer
from domain.trust import excess

CANONICAL: Final = msgspec.json.Encoder(order="deterministic")
TARGET_SCORE_DEFAULT: Final = 100  # That of the cargos that come with the program.
ZEROS: Final = frozenset({"0", "0.0", "0.00"})
PUBLISHER_SHARE: Final = PUBLISHER_PERMILLE[PRICE_RULES_VERSION] / 1000
MODEL_RUNTIMES: Final = frozenset({Runtime.LLMCPP, Runtime.ONNX, Runtime.COREML, Runtime.DIFFUSERS})


def price_or_none(value: Any) -> int | None:
    """Raises ValueError with the rule."""
    is_nothing = value is None or str(value) in ZEROS
    return None if is_nothing else parse_price(value)


def publisher_share(value: float | None) -> float | None:
    """Raises ValueError for any but the share that this network pays."""
    if value not in (None, PUBLISHER_SHARE):
        raise ValueError(f"publishers get {PUBLISHER_SHARE} of every charge; leave it out")
    return value


UnitPrice = Annotated[
    int | None, BeforeValidator(price_or_none), WithJsonSchema({"type": ["string", "number", "null"]})
]
FilledTagline = Annotated[
    str,
    StringConstraints(min_length=1, max_length=TAGLINE_CHARACTERS_MAX, pattern=LINE, strip_whitespace=True),
]
FilledCategory = Annotated[str, StringConstraints(pattern=CATEGORY, max_length=CATEGORY_CHARACTERS_MAX)]
Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$", max_length=300)]
Hash = Annotated[str, StringConstraints(pattern=r"^(sha256:)?[0-9a-f]{64}$")]
Share = Annotated[float | None, AfterValidator(publisher_share)]


class SubmissionFields(BaseModel):
    """What the marketplace would show, what would run, and what one unit of it costs."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    slug: PublishableSlug
    tagline: FilledTagline
    category: FilledCategory
    version: Version = "1.0.0"
    description: Description = ""
    readme: Readme = ""
    tags: Tags = []
    icon_url: HttpsUrl = ""
    screenshots: Annotated[list[HttpsUrl], Field(max_length=SCREENSHOTS_MAX)] = []
    runtime_type: Runtime | None = None
    container_image: Image | None = None
    wasm_url: HttpsUrl = ""
    wasm_hash: Hash | None = None
    model_url: HttpsUrl = ""
    model_hash: Hash | None = None
    input_schema: dict[str, Any] = {}
    output_schema: dict[str, Any] = {}
    required_cpu_cores: Whole = 0
    required_ram_mb: Whole = 0
    required_vram_mb: Whole = 0
    required_disk_mb: Whole = 0
    determinism: Determinism = Determinism.NONE
    trust_level: Annotated[int, Field(ge=0, lt=OFFICIAL_LEVEL, strict=True)] = 1
    limits: ManifestLimits = ManifestLimits()
    target_score: Positive = TARGET_SCORE_DEFAULT
    price_per_job: UnitPrice = None
    price_per_second: UnitPrice = None
    price_per_token: UnitPrice = None
    revenue_share: Share = None

    def offer(self, publisher_id: AccountId) -> Offer:
        """Raises `ApiError` (invalid) naming every field that does not fit the others."""
        self._check()
        [(unit, price_micro)] = self._prices()
        spec = CargoSpec(
            slug=CargoSlug(self.slug),
            version=self.version,
            publisher_id=publisher_id,
            runtime=self._runtime(),
            artifact_digest=self._digest(),
            artifact_bytes=0,
            determinism=self.determinism,
            trust_level=self.trust_level,
            limits=self.limits.at_level(self.trust_level),
            requirements=Requirements(
                cpu_cores=self.required_cpu_cores,
                ram_mb=self.required_ram_mb,
                vram_mb=self.required_vram_mb,
                disk_mb=self.required_disk_mb,
            ),
            price_micro=price_micro,
            price_unit=unit,
            target_score=self.target_score,
            category=self.category,
        )
        cargo = CargoVersion(
            spec=spec,
            name=self.name,
            description=self.description,
            input_schema=check_schema("submission.input_schema", self.input_schema),
            output_schema=check_schema("submission.output_schema", self.output_schema),
            listing=self._listing(),
        )
        image, source_url = self.container_image or "", self.wasm_url or self.model_url
        return Offer(cargo=cargo, container_image=image, source_url=source_url)

    def sha256(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        return hashlib.sha256(CANONICAL.encode(self.model_dump(mode="json"))).hexdigest()

    def _check(self) -> None:
        problems = {
            "price_per_job": self._price_problem(),
            "container_image": self._program_problem(),
            "runtime_type": self._runtime_problem(),
            "wasm_url": "comes with wasm_hash" if self.wasm_url and not self.wasm_hash else None,
            "model_url": "comes with model_hash" if self.model_url and not self.model_hash else None,
            "limits": excess(self.limits.at_level(self.trust_level), self.trust_level),
        }
        fields = {f"submission.{field}": [rule] for field, rule in problems.items() if rule}
        if fields:
            field, [rule] = next(iter(fields.items()))
            raise ApiError(ErrorCode.INVALID, f"{field}: {rule}", fields=fields)

    def _price_problem(self) -> str | None:
        if len(self._prices()) == 1:
            return None
        return "give exactly one of price_per_job, price_per_second and price_per_token"

    def _program_problem(self) -> str | None:
        given = [self.container_image, self.wasm_hash, self.model_hash]
        if sum(one is not None for one in given) == 1:
            return None
        return "give exactly one of wasm_hash, model_hash and container_image"

    def _runtime_problem(self) -> str | None:
        runtime = self.runtime_type
        fits = runtime is None or (
            runtime in MODEL_RUNTIMES if self.model_hash else runtime is self._runtime()
        )
        return None if fits else "does not run what is given: leave it out, or give what it runs"

    def _prices(self) -> list[tuple[PriceUnit, int]]:
        prices = (
            (PriceUnit.JOB, self.price_per_job),
            (PriceUnit.SECOND, self.price_per_second),
            (PriceUnit.TOKEN, self.price_per_token),
        )
        return [(unit, price_micro) for unit, price_micro in prices if price_micro is not None]

    def _runtime(self) -> Runtime:
        if self.container_image:
            return Runtime.CONTAINER
        return self.runtime_type or Runtime.LLMCPP if self.model_hash else Runtime.WASM

    def _digest(self) -> str:
        given = self.wasm_hash or self.model_hash
        return f"sha256:{given.removeprefix('sha256:')}" if given else ""

    def _listing(self) -> Listing:
        return Listing(
            tagline=self.tagline,
            tags=tuple(self.tags),
            icon_url=self.icon_url,
            readme=self.readme,
            screenshots=tuple(self.screenshots),
        )


class SubmissionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    submission: SubmissionFields
