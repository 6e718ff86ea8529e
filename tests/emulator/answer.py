"""What models answer where nothing runs: something of every shape that scripts expect."""

import json

ANSWER = json.dumps(
    {
        "predictions": [9.5],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "text": "4"}],
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [1, 1], "data": [9.5]}],
        "data": [{"b64_json": "iVBORw0KGgo="}],
        "text_output": "4",
    }
)
