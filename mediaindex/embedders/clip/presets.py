"""Models worth choosing from, with published figures. Knows no network and no weights."""

from dataclasses import dataclass

SOURCE = "Immich documentation, searching.md: Crossmodal-3600, 7800X3D, CPU, fp32"
"""Who published recall, time and memory of every preset."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before a byte of it is fetched. None: nobody published it."""

    #: The preset's name, or the model's own where it is no preset.
    name: str
    #: ARCHITECTURE/WEIGHTS, as open_clip knows it.
    model: str
    download_bytes: int | None = None
    dim: int | None = None
    image_px: int | None = None
    #: Tokens of a text that the model reads.
    context: int | None = None
    #: Mean of recall@1, @5 and @10 in per cent, finding a picture by its English description.
    recall_english: float | None = None
    #: The same with Arabic descriptions: how it does away from English.
    recall_arabic: float | None = None
    #: To encode one picture, on the machine named in `SOURCE`; ratios carry over to others.
    picture_ms: float | None = None
    #: Peak, while encoding.
    memory_mib: int | None = None
    licence: str | None = None
    note: str = ""


PRESETS: dict[str, ModelInfo] = {
    info.name: info
    for info in (
        ModelInfo(
            name="fast",
            model="ViT-B-32/laion2b_s34b_b79k",
            download_bytes=605_000_000,
            dim=512,
            image_px=224,
            context=77,
            recall_english=68.8,
            picture_ms=2.3,
            memory_mib=1001,
            licence="MIT",
            note="For a small computer; English only.",
        ),
        ModelInfo(
            name="balanced",
            model="ViT-B-16-SigLIP2/webli",
            download_bytes=1_501_000_000,
            dim=768,
            image_px=224,
            context=64,
            recall_english=75.2,
            recall_arabic=61.7,
            picture_ms=5.8,
            memory_mib=3038,
            licence="Apache-2.0",
            note="As accurate as models ten times slower; English, and some of other languages.",
        ),
        # DFN5B-CLIP-ViT-H-14-378 is 0.3 better, but slower, larger, and its licence allows research
        # only.
        ModelInfo(
            name="best",
            model="ViT-L-16-SigLIP2-512/webli",
            download_bytes=3_529_000_000,
            dim=1024,
            image_px=512,
            context=64,
            recall_english=75.4,
            recall_arabic=68.4,
            picture_ms=92.6,
            memory_mib=3358,
            licence="Apache-2.0",
            note="Sees small things; for a computer with a GPU.",
        ),
        # nllb-clip-base-siglip finds more in rare languages (Arabic 74.0), but its licence forbids
        # commercial use and it needs the transformers package.
        ModelInfo(
            name="multilingual",
            model="ViT-SO400M-16-SigLIP2-256/webli",
            download_bytes=4_543_000_000,
            dim=1152,
            image_px=256,
            context=64,
            recall_english=74.9,
            recall_arabic=68.6,
            picture_ms=27.8,
            memory_mib=3611,
            licence="Apache-2.0",
            note="Many languages; weak in some (Bengali 26.5, where nllb-clip-base-siglip/mrl is "
            "at 73.8, for non-commercial use).",
        ),
    )
}


def describe(name: str) -> ModelInfo:
    """Return what is known of a preset, or of a model by its own name; asks nobody.

    A model that is no preset comes back with its name and no figures.
    """
    by_model = {info.model: info for info in PRESETS.values()}
    return PRESETS.get(name) or by_model.get(name) or ModelInfo(name=name, model=name)


def size_words(size_bytes: int) -> str:
    """Return a size as people say it: `605 MB`, `1.5 GB`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:.0f} kB"
