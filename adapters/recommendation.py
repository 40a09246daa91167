"""A recommendation as it is on the wire: sent to idle islands, and given to those that ask.

Used by `adapters.nats.mailbox` and by the route `/island/recommendations`, so both say the same.
"""

from typing import Final

from adapters.wire import PreloadRecommendation
from domain.cargo_spec import Runtime
from domain.demand import Demand
from domain.pricing import MICRO_PER_CREDIT

MODEL_RUNTIMES: Final = frozenset({Runtime.LLMCPP, Runtime.ONNX, Runtime.COREML, Runtime.DIFFUSERS})


def recommendation(demand: Demand, artifact_url: str) -> PreloadRecommendation:
    """`artifact_url` is where the cargo's bytes are fetched. Daemons that know only models pass over the rest."""
    cargo = demand.cargo
    is_wasm = cargo.runtime is Runtime.WASM
    return PreloadRecommendation(
        type="model" if cargo.runtime in MODEL_RUNTIMES else cargo.runtime.value,
        workload_slug=cargo.slug,
        runtime_type=cargo.runtime,
        wasm_url=artifact_url if is_wasm else None,
        wasm_hash=cargo.artifact_digest if is_wasm else None,
        estimated_earnings_per_job=credits_text(demand.earnings_micro),
        queued_demand=demand.queued,
        demand_score=demand.score,
        priority=demand.priority,
    )


def credits_text(micro: int) -> str:
    """A decimal number of credits without needless zeros."""
    whole, rest = divmod(micro, MICRO_PER_CREDIT)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")
