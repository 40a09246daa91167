"""A chat completion as OpenAI's clients ask for it, and the input it becomes. Unknown fields are ignored."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from domain.cargo_spec import Runtime

MESSAGES_MAX: Final = 128
CONTENT_CHARACTERS_MAX: Final = 32_768
TOKENS_MAX: Final = 4_096
TOKENS_DEFAULT: Final = 1_024
TEMPERATURE_DEFAULT: Final = 0.7
STOPS_MAX: Final = 8
STOP_CHARACTERS_MAX: Final = 256
MODEL_CHARACTERS_MAX: Final = 128
TEXT_PART: Final = {
    "type": "object",
    "required": ["text"],
    "properties": {"type": {"type": "string", "const": "text"}, "text": {"type": "string"}},
}


def text_of(content: Any) -> Any:
    """A text, or parts that are texts, as one text; a message of nothing but tool calls has none."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
        raise ValueError("a text, or a list of parts of type text")
    return "".join(part["text"] for part in content)


def stops_of(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def only_one(n: int | None) -> int | None:
    if n not in {None, 1}:
        raise ValueError("only 1: each answer is a job of its own, so ask once for each")
    return n


Content = Annotated[
    str,
    BeforeValidator(text_of),
    Field(max_length=CONTENT_CHARACTERS_MAX),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT_PART}, {"type": "null"}]},
    ),
]
Stop = Annotated[str, Field(min_length=1, max_length=STOP_CHARACTERS_MAX)]
StopList = Annotated[list[Stop], Field(max_length=STOPS_MAX)]
Stops = Annotated[StopList | None, BeforeValidator(stops_of, json_schema_input_type=Stop | StopList | None)]
Tokens = Annotated[int | None, Field(ge=1, le=TOKENS_MAX)]
Model = Annotated[str, Field(min_length=1, max_length=MODEL_CHARACTERS_MAX)]
One = Annotated[int | None, AfterValidator(only_one), WithJsonSchema({"const": 1})]


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "function", "tool"]
    content: Content = ""

    @property
    def is_instruction(self) -> bool:
        return self.role in {"system", "developer"}

    def plain(self) -> dict[str, str]:
        """`developer` is what others call `system`."""
        return {"role": "system" if self.is_instruction else self.role, "content": self.content}


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    model: Model = "gpt-3.5-turbo"
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens = None
    max_completion_tokens: Tokens = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    n: One = None
    stop: Stops = None

    @property
    def tokens_max(self) -> int:
        return self.max_completion_tokens or self.max_tokens or TOKENS_DEFAULT

    @property
    def has_usage_apart(self) -> bool:
        """Whether a stream tells the usage in a chunk of its own."""
        return self.stream_options is not None and self.stream_options.include_usage

    def input_for(self, runtime: Runtime) -> dict[str, Any]:
        """What the cargo reads. llama.cpp is given the messages alone, for a prompt would count instead of them."""
        messages = [message.plain() for message in self.messages]
        options: dict[str, Any] = {
            "max_tokens": self.tokens_max,
            "temperature": TEMPERATURE_DEFAULT if self.temperature is None else self.temperature,
        }
        if self.top_p is not None:
            options["top_p"] = self.top_p
        if runtime is Runtime.LLMCPP:
            return {"messages": messages, **options}
        instructions = "\n\n".join(message.content for message in self.messages if message.is_instruction)
        system = {"system_prompt": instructions} if instructions else {}
        return {"prompt": self.prompt(), **system, "messages": messages, **options}

    def prompt(self) -> str:
        """The conversation as one text: a single message as it is, several with who said them."""
        spoken = [message for message in self.messages if not message.is_instruction]
        if len(spoken) == 1:
            return spoken[0].content
        return "\n".join(f"{message.role}: {message.content}" for message in spoken)
