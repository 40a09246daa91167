"""A workflow as it arrives, and the command it becomes. Every fault is named with its step before anything runs."""

import hashlib
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.errors import ApiError, invalid
from api.job_request import CANONICAL, ENCODER, INPUT_BYTES_MAX, Price, check_depth
from api.request_fields import Name
from api.step_input import BadPlaceholder, keys_in
from commands.submission import id_from
from domain.batch_events import FailMode
from domain.ids import AccountId
from domain.workflow import STEPS_MAX, Step, SubmitWorkflow

KEY_PATTERN: Final = r"^[A-Za-z0-9_-]{1,40}$"

Key = Annotated[str, Field(pattern=KEY_PATTERN)]


class StepRequest(BaseModel):
    """`input` is taken as it is; texts of `input_mapping` may hold placeholders as `{{other.output.text}}`. Both
    together are the input. `bid_price` is for the job of this step.
    """

    model_config = ConfigDict(extra="forbid")

    key: Key
    workload: Annotated[str, Field(min_length=1, max_length=64)]
    input: dict[str, Any] = {}
    input_mapping: dict[str, Any] = {}
    depends_on: Annotated[list[Key], Field(max_length=STEPS_MAX)] = []
    bid_price: Price | None = None


class DefinitionRequest(BaseModel):
    """With `fail_fast` one step that fails stops the others; with `best_effort` those that do not need it go on."""

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[list[StepRequest], Field(min_length=1, max_length=STEPS_MAX)]
    fail_mode: FailMode = FailMode.FAIL_FAST


class WorkflowRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    definition: DefinitionRequest

    def sha256(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        return hashlib.sha256(CANONICAL.encode(self.model_dump())).hexdigest()

    def check(self) -> None:
        """Raises `ApiError` (invalid) with the step that breaks a rule."""
        steps = self.definition.steps
        known: set[str] = set()
        for index, step in enumerate(steps):
            if step.key in known:
                raise invalid(f"{place(index)}.key", f"{step.key} is the key of another step too")
            known.add(step.key)
        for index, step in enumerate(steps):
            check_step(step, index, known)
        check_no_circle(steps)

    def command(
        self, workflow_id: str, account_id: AccountId, *, fingerprint: str, now_ms: int
    ) -> SubmitWorkflow:
        return SubmitWorkflow(
            workflow_id=workflow_id,
            account_id=account_id,
            name=self.name,
            steps=tuple(step_of(workflow_id, step) for step in self.definition.steps),
            fail_mode=self.definition.fail_mode,
            request_sha256=fingerprint,
            now_ms=now_ms,
        )


def place(index: int) -> str:
    return f"definition.steps.{index}"


def check_step(step: StepRequest, index: int, known: set[str]) -> None:
    for key in step.depends_on:
        if key not in known:
            raise invalid(f"{place(index)}.depends_on", f"there is no step {key}")
    if both := sorted(step.input.keys() & step.input_mapping.keys()):
        raise invalid(f"{place(index)}.input_mapping", f"{both[0]} stands in input too")
    try:
        wanted = set(keys_in(step.input_mapping))
    except BadPlaceholder as fault:
        raise invalid(f"{place(index)}.input_mapping", str(fault)) from fault
    if strange := sorted(wanted - set(step.depends_on)):
        raise invalid(f"{place(index)}.input_mapping", f"{strange[0]} must stand in depends_on")
    template = {**step.input, **step.input_mapping}
    check_depth(template)
    if len(ENCODER.encode(template)) > INPUT_BYTES_MAX:
        raise invalid(f"{place(index)}.input", f"at most {INPUT_BYTES_MAX} bytes of JSON")


def check_no_circle(steps: Sequence[StepRequest]) -> None:
    try:
        TopologicalSorter({step.key: step.depends_on for step in steps}).prepare()
    except CycleError as circle:
        around = " needs ".join(reversed(circle.args[1]))
        raise invalid("definition.steps", f"they wait for each other: {around}") from circle


def step_of(workflow_id: str, step: StepRequest) -> Step:
    """Its job has an id that follows from the workflow, so submitting it again makes no other."""
    return Step(
        key=step.key,
        job_id=id_from("step", workflow_id, step.key),
        workload=step.workload,
        input_json=ENCODER.encode({"input": step.input, "mapping": step.input_mapping}).decode(),
        depends_on=tuple(dict.fromkeys(step.depends_on)),
        bid_micro=step.bid_price,
    )


def at_step(error: ApiError, index: int) -> ApiError:
    """The same fault of a job, as one of a step."""
    field, _, rule = error.message.partition(": ")
    where = f"{place(index)}.{field}"
    return ApiError(error.code, f"{where}: {rule}", fields={where: [rule]})
