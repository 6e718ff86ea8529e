"""Requests for images, right and wrong. usage: images_check.py FOLDER, the code/ of a project."""

from __future__ import annotations

import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))

from front import Refusal
from image_requests import IMAGES, VIDEOS, Limits

LIMITS = Limits(1024 * 1024)


class ImagesTest(unittest.TestCase):
    def test_right_ones_pass(self) -> None:
        for more in [
            {},
            {"size": None, "n": None},
            {"size": "1024x1024"},
            {"size": "64x2048", "n": 10, "num_inference_steps": 200, "guidance_scale": 3.5},
            {"output_format": "webp", "response_format": "b64_json", "seed": 7},
        ]:
            LIMITS.check(IMAGES, {"prompt": "x", **more})

    def test_wrong_ones_are_refused(self) -> None:
        for body, reason in [
            ({}, "prompt"),
            ({"prompt": " "}, "prompt"),
            ({"prompt": ["x"]}, "prompt"),
            ({"prompt": "x", "size": "1024"}, "WIDTHxHEIGHT"),
            ({"prompt": "x", "size": "1024X1024"}, "WIDTHxHEIGHT"),
            ({"prompt": "x", "size": 1024}, "WIDTHxHEIGHT"),
            ({"prompt": "x", "size": "-16x16"}, "WIDTHxHEIGHT"),
            ({"prompt": "x", "size": "１６x16"}, "WIDTHxHEIGHT"),
            ({"prompt": "x", "size": "1000x1024"}, "992x1024"),
            ({"prompt": "x", "size": "16x16"}, "64x64"),
            ({"prompt": "x", "size": "2048x2048"}, "at most 1048576"),
            ({"prompt": "x", "n": 0}, "n must"),
            ({"prompt": "x", "n": True}, "n must"),
            ({"prompt": "x", "n": 1.5}, "n must"),
            ({"prompt": "x", "num_inference_steps": 201}, "num_inference_steps"),
            ({"prompt": "x", "guidance_scale": "7"}, "guidance_scale"),
            ({"prompt": "x", "guidance_scale": float("nan")}, "guidance_scale"),
            ({"prompt": "x", "output_format": "gif"}, "png, jpeg, webp"),
            ({"prompt": "x", "response_format": "url"}, "b64_json, file"),
        ]:
            with self.subTest(body=body), self.assertRaises(Refusal) as refused:
                LIMITS.check(IMAGES, body)
            self.assertEqual(refused.exception.status, 400)
            self.assertIn(reason, str(refused.exception))

    def test_videos_are_bounded_too(self) -> None:
        LIMITS.check(VIDEOS, {"prompt": "x", "size": "480x320", "num_frames": 17, "fps": 24, "seconds": "4"})
        for body, reason in [
            ({}, "prompt"),
            ({"prompt": "x", "size": "481x320"}, "480x320"),
            ({"prompt": "x", "num_frames": 0}, "num_frames"),
            ({"prompt": "x", "fps": "24"}, "fps"),
        ]:
            with self.subTest(body=body), self.assertRaises(Refusal) as refused:
                LIMITS.check(VIDEOS, body)
            self.assertIn(reason, str(refused.exception))

    def test_other_paths_are_the_engines_business(self) -> None:
        LIMITS.check("/v1/audio/speech", {"input": "x", "size": 3})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
