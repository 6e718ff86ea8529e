"""Judge IAM policies by AWS's service authorization reference, as parliament carries it.

policy.py < POLICIES

POLICIES has one policy a line. Prints one line for each defect, with the number of the policy, and how many actions were
judged to stderr. Besides what parliament finds: an action that takes any resource where resources could be named, and
one that names resources where it has none.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator

with warnings.catch_warnings():
    # It is pinned to the last setuptools that has what it imports.
    warnings.simplefilter("ignore")
    import parliament


def of_action(action: str) -> set[str]:
    """The kinds of resources that a policy has to name for it."""
    prefix, _, name = action.partition(":")
    kinds: set[str] = set()
    for service in parliament.iam_definition:
        for privilege in service["privileges"] if service["prefix"] == prefix else []:
            if privilege["privilege"].lower() == name.lower():
                types = (one["resource_type"] for one in privilege["resource_types"])
                kinds |= {kind for kind in types if kind.endswith("*")}
    return kinds


# Kinds of models that are not asked: what is asked is a foundation model, or by way of an inference profile.
OTHER_MODELS = {"async-invoke", "marketplace", "default-prompt-router", "imported-model", "provisioned-model"}


def analyzed(statement: dict) -> Iterator[str]:
    """What parliament finds."""
    # It knows no accounts of AWS's own.
    known = json.dumps(statement).replace(":aws:hub", ":*:hub")
    text = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(known)]})
    for finding in parliament.analyze_policy_string(text, ignore_private_auditors=True).findings:
        # The policy is for every account, which names no single bucket or repository.
        if finding.issue == "RESOURCE_EFFECTIVELY_STAR":
            continue
        if finding.issue == "RESOURCE_MISMATCH" and statement["Action"] == ["bedrock:InvokeModel"]:
            kinds = {one["required_format"].split(":", 5)[5].split("/")[0] for one in finding.detail}
            if kinds <= OTHER_MODELS:
                continue
        yield f"{finding.issue} {finding.detail} in {statement['Action']}"


def judge(policy: dict) -> Iterator[str]:
    for statement in policy["Statement"]:
        yield from analyzed(statement)
        for action in statement["Action"]:
            kinds = of_action(action)
            if kinds and statement["Resource"] == ["*"]:
                yield f"RESOURCES_NOT_NAMED {action}: {sorted(kinds)}"
            if not kinds and statement["Resource"] != ["*"]:
                yield f"RESOURCES_NAMED {action}: it has none"


def main() -> int:
    policies = [json.loads(line) for line in sys.stdin]
    for number, policy in enumerate(policies):
        for defect in judge(policy):
            print(f"{number}: {defect}")
    print(sum(len(one["Action"]) for policy in policies for one in policy["Statement"]), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
