"""Ollama's models, and how list, show and pull speak of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """One model that was pulled, or can be."""

    name: str
    capabilities: tuple[str, ...] = ("completion", "vision")
    family: str = "qwen25vl"
    parameter_size: str = "8.3B"
    quantization_level: str = "Q4_K_M"
    size_bytes: int = 5_969_245_856
    context_length: int = 128_000

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def details(self) -> dict[str, object]:
        """What list, show and ps say alike."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": self.parameter_size,
            "quantization_level": self.quantization_level,
        }


VISION = Model("qwen2.5vl:7b")
TEXT = Model("llama3.2:3b", ("completion", "tools"), "llama", "3.2B")
THINKING = Model("qwen3-vl:8b", ("completion", "vision", "tools", "thinking"), "qwen3vl", "8.8B")
ONE_IMAGE = Model("llama3.2-vision:11b", family="mllama", parameter_size="10.7B")


def tag(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": "2026-01-01T12:00:00.123456789+01:00",
        "size": model.size_bytes,
        "digest": model.digest,
        "details": model.details,
    }


def shown(model: Model) -> dict[str, object]:
    return {
        "license": "",
        "modelfile": f"# FROM {model.name}",
        "parameters": "temperature                    0.0001",
        "template": "{{ .Prompt }}",
        "details": model.details,
        "model_info": {
            "general.architecture": model.family,
            f"{model.family}.context_length": model.context_length,
        },
        "capabilities": list(model.capabilities),
        "modified_at": "2026-01-01T12:00:00.123456789+01:00",
    }


def pulled(model: Model) -> Iterator[dict[str, object]]:
    yield {"status": "pulling manifest"}
    of_layer = {
        "status": f"pulling {model.digest[:12]}",
        "digest": f"sha256:{model.digest}",
        "total": model.size_bytes,
    }
    yield of_layer
    for quarter in (1, 2, 3, 4):
        yield {**of_layer, "completed": model.size_bytes * quarter // 4}
    for status in ("verifying sha256 digest", "writing manifest", "success"):
        yield {"status": status}
