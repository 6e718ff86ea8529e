# shellcheck shell=bash
# The SageMaker model and the role that runs it, and the names of one deployment.

exists_sagemaker_model() { aws_exists sagemaker describe-model --model-name "$1"; }
owned_sagemaker_model() { sagemaker_owned "model/$1"; }
remove_sagemaker_model() { aws_delete sagemaker delete-model --model-name "$1"; }

# sagemaker_owned KIND/NAME: does it carry this project's tag?
sagemaker_owned() {
  aws_call sagemaker list-tags --resource-arn "$(arn sagemaker "$1")" >"$MCC_TMP/tags.json" || return 4
  tagged "$MCC_TMP/tags.json" '.Tags[]? | select(.Key == "mcc:project") | .Value'
}

# resolve_execution_role: sets EXECUTION_ROLE to ROLE_ARN, or to the role that this project makes.
EXECUTION_ROLE=''
resolve_execution_role() {
  EXECUTION_ROLE=$ROLE_ARN
  if [ -n "$EXECUTION_ROLE" ]; then return 0; fi
  ensure_role "mcc-$(short_name 40)-$REGION" execution-role EXECUTION_ROLE
}

# ensure_own_bucket: makes the shared bucket when a payload of the deployment names it; that of a build is do/submit's.
ensure_own_bucket() {
  local file
  for file in deploy/*.json; do
    if [ "$file" != deploy/create-project.json ] && grep -q 'ml-container-creator-000000000000' "$file"; then
      ensure_bucket
      return 0
    fi
  done
}

# begin_deployment: sets DEPLOYMENT, the name of this deployment's model and configuration. An
# interrupted deployment of the same payloads and image goes on under its old name.
DEPLOYMENT=''
begin_deployment() {
  local sum
  sum=$({
    cat deploy/*.json
    printf '%s %s' "$IMAGE" "$EXECUTION_ROLE"
  } | cksum | tr ' \t' '--')
  DEPLOYMENT=$(state_get pending)
  if [ -n "$DEPLOYMENT" ] && [ "$(state_get pending-sum)" = "$sum" ]; then
    info "continuing the interrupted deployment $DEPLOYMENT"
    return 0
  fi
  DEPLOYMENT="$(short_name 48)-$(utc_stamp)"
  state_set pending "$DEPLOYMENT" pending-sum "$sum"
}

# end_deployment: it is in service.
end_deployment() {
  state_set deployment "$DEPLOYMENT" deployed-image "$IMAGE" pending '' pending-sum ''
}

# create_model NAME
create_model() {
  local request
  if claim sagemaker-model "$1"; then
    request=$(payload create-model .ModelName="$1" .PrimaryContainer.Image="$IMAGE" .ExecutionRoleArn="$EXECUTION_ROLE")
    aws_call_quiet sagemaker create-model --cli-input-json "file://$request"
    info "created model $1"
  fi
}

# retire TYPE KEEP: delete what earlier deployments recorded of TYPE, except KEEP.
retire() {
  local id
  for id in $(state_ids "$1"); do
    if [ "$id" != "$2" ]; then drop "$1" "$id" || exit $?; fi
  done
}

# show_log GROUP SINCE: a few last lines, when there is a log; never fails.
show_log() {
  if aws_try logs tail "$1" --since "$2" --format short >"$MCC_TMP/log" && [ -s "$MCC_TMP/log" ]; then
    info "the last lines of $1:"
    tail -n 25 "$MCC_TMP/log" | printable >&2
  else
    info "nothing in $1: the container did not start, or the image is for another architecture"
  fi
}
