"""A cargo's manifest as publishers write it, `cargos/*/manifest.json`, and the version it becomes.

Limits that a manifest leaves out are those of its trust level. The artifact is uploaded before, under its digest.
"""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.errors import invalid
from api.input_schemas import check_schema
from api.listing_fields import SCREENSHOTS_MAX, HttpsUrl, Readme, Tagline, Tags
from api.request_fields import Name, slug_of
from domain.cargo_spec import CargoSpec, CargoVersion, Determinism, Listing, Requirements, Runtime
from domain.category import CATEGORY, CATEGORY_CHARACTERS_MAX
from domain.ids import AccountId, CargoSlug
from domain.pricing import AMOUNT_MICRO_MAX, PriceUnit
from domain.trust import LEVEL_LIMITS, LEVEL_MAX, Limits

DESCRIPTION_CHARACTERS_MAX: Final = 2_000
WHOLE_MAX: Final = 2**53

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}$")]
Whole = Annotated[int, Field(ge=0, le=WHOLE_MAX, strict=True)]
Positive = Annotated[int, Field(ge=1, le=WHOLE_MAX, strict=True)]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_CHARACTERS_MAX, pattern=r"^[^\x00]*$")]

Category = Annotated[str, StringConstraints(pattern=rf"{CATEGORY}|^$", max_length=CATEGORY_CHARACTERS_MAX)]

RESERVED_SLUGS: Final = frozenset({"categories", "submissions"})
"""Words that stand in the paths of the marketplace where a slug would stand."""

WASM_CORE_MODULE: Final = b"\0asm\1\0\0\0"


def publishable(value: str) -> str:
    """A slug that a cargo may have. Raises ValueError."""
    if slug_of(value) is None:
        raise ValueError("lower-case letters, digits and single hyphens, at most 64")
    if value in RESERVED_SLUGS:
        raise ValueError(f"{value} is a word of the marketplace's own; choose another name")
    return value


PublishableSlug = Annotated[str, AfterValidator(publishable)]


class ManifestPart(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ManifestArtifact(ManifestPart):
    """`file` is where the publisher keeps it; only the digest counts here."""

    digest: Digest
    file: str = ""


class ManifestLimits(ManifestPart):
    memory_mb: Positive | None = None
    cpus: Positive | None = None
    wall_s: Positive | None = None
    pids: Positive | None = None
    tmpfs_mb: Positive | None = None
    output_bytes: Positive | None = None
    fuel: Positive | None = None

    def at_level(self, trust_level: int) -> Limits:
        """What is left out is the level's own."""
        of_level = LEVEL_LIMITS[trust_level]
        given = self.model_dump(exclude_none=True)
        return Limits(**{name: given.get(name, getattr(of_level, name)) for name in Limits.__slots__})


class ManifestRequirements(ManifestPart):
    ram_mb: Whole = 0
    vram_mb: Whole = 0
    cpu_cores: Whole = 0
    disk_mb: Whole = 0


class ManifestListing(ManifestPart):
    """What the marketplace shows beside name and description."""

    tagline: Tagline = ""
    tags: Tags = []
    icon_url: HttpsUrl = ""
    readme: Readme = ""
    screenshots: Annotated[list[HttpsUrl], Field(max_length=SCREENSHOTS_MAX)] = []

    def listing(self) -> Listing:
        return Listing(
            tagline=self.tagline,
            tags=tuple(self.tags),
            icon_url=self.icon_url,
            readme=self.readme,
            screenshots=tuple(self.screenshots),
        )


class CargoManifest(ManifestPart):
    slug: PublishableSlug
    version: Version
    name: Name
    description: Description = ""
    category: Category = ""
    runtime: Runtime
    artifact: ManifestArtifact
    determinism: Determinism
    trust_level: Annotated[int, Field(ge=0, le=LEVEL_MAX, strict=True)]
    limits: ManifestLimits = ManifestLimits()
    requirements: ManifestRequirements = ManifestRequirements()
    price_micro: Annotated[int, Field(ge=1, le=AMOUNT_MICRO_MAX, strict=True)]
    price_unit: PriceUnit = PriceUnit.JOB
    target_score: Positive
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    listing: ManifestListing = ManifestListing()

    def cargo(self, publisher_id: AccountId, artifact: bytes | None) -> CargoVersion:
        """The version to publish. Raises `ApiError` where the artifact is missing or a schema is none."""
        if artifact is None:
            raise invalid("artifact.digest", "upload it first: PUT /api/v1/artifacts/{digest}")
        if self.runtime is Runtime.WASM:
            check_module("artifact", artifact)
        spec = CargoSpec(
            slug=CargoSlug(self.slug),
            version=self.version,
            publisher_id=publisher_id,
            runtime=self.runtime,
            artifact_digest=self.artifact.digest,
            artifact_bytes=len(artifact),
            determinism=self.determinism,
            trust_level=self.trust_level,
            limits=self.limits.at_level(self.trust_level),
            requirements=Requirements(**self.requirements.model_dump()),
            price_micro=self.price_micro,
            price_unit=self.price_unit,
            target_score=self.target_score,
            category=self.category,
        )
        return CargoVersion(
            spec=spec,
            name=self.name,
            description=self.description,
            input_schema=check_schema("input_schema", self.input_schema),
            output_schema=check_schema("output_schema", self.output_schema),
            listing=self.listing.listing(),
        )


def check_module(field: str, artifact: bytes) -> None:
    """Raises `ApiError` (invalid) for what is no module at all."""
    if not artifact.startswith(WASM_CORE_MODULE):
        raise invalid(field, "must be a WebAssembly core module, in its binary form")
