"""What a request for images or a video may ask for. A wrong one is refused before it costs any time on the GPU."""

from __future__ import annotations

import re

from front import Refusal

IMAGES = "/v1/images/generations"
# Answers with the file; /v1/videos answers with the number of a job, which nobody could ask for.
VIDEOS = "/v1/videos/sync"
# Latents are an eighth of the image, and transformers take them in patches of two.
STEP = 16
LEAST = 64
OUTPUT_FORMATS = ("png", "jpeg", "webp")
RESPONSE_FORMATS = ("b64_json", "file")


class Limits:
    """The bounds of one server: the most pixels that it makes."""

    def __init__(self, most_pixels: int) -> None:
        self.most_pixels = most_pixels

    def check(self, path: str, body: dict[str, object]) -> None:
        if path not in (IMAGES, VIDEOS):
            return
        prompt = body.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise Refusal(400, "prompt must be text")
        if body.get("size") is not None:
            self.size(body["size"])
        whole(body, "num_inference_steps", 1, 200)
        if path == VIDEOS:
            whole(body, "num_frames", 1, 10_000)
            whole(body, "fps", 1, 240)
            return
        whole(body, "n", 1, 10)
        number(body, "guidance_scale", 0, 20)
        number(body, "true_cfg_scale", 0, 20)
        one_of(body, "output_format", OUTPUT_FORMATS)
        one_of(body, "response_format", RESPONSE_FORMATS)

    def size(self, value: object) -> None:
        match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", value) if isinstance(value, str) else None
        if match is None:
            raise Refusal(400, "size must be WIDTHxHEIGHT, such as 1024x1024")
        width, height = (int(side) for side in match.groups())
        if width % STEP or height % STEP or min(width, height) < LEAST:
            good = "x".join(str(max(LEAST, round(side / STEP) * STEP)) for side in (width, height))
            raise Refusal(400, f"both sides of size must be multiples of {STEP} from {LEAST}; {good} is near")
        if width * height > self.most_pixels:
            raise Refusal(400, f"size has {width * height} pixels; this server makes at most {self.most_pixels}")


def whole(body: dict[str, object], name: str, least: int, most: int) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refusal(400, f"{name} must be a whole number from {least} to {most}")


def number(body: dict[str, object], name: str, least: float, most: float) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise Refusal(400, f"{name} must be a number from {least} to {most}")


def one_of(body: dict[str, object], name: str, words: tuple[str, ...]) -> None:
    if body.get(name) is not None and body[name] not in words:
        raise Refusal(400, f"{name} must be one of {', '.join(words)}")
