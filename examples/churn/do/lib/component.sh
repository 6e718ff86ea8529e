# shellcheck shell=bash
# The inference component: the model's share of the endpoint.

COMPONENT_NAME=$PROJECT_NAME

exists_inference_component() { aws_exists sagemaker describe-inference-component --inference-component-name "$1"; }
owned_inference_component() { sagemaker_owned "inference-component/$1"; }
remove_inference_component() {
  if ! aws_try sagemaker delete-inference-component --inference-component-name "$1" >/dev/null && ! aws_not_found; then
    if ! grep -Eiq 'in.progress|Creating|Updating|Deleting' "$MCC_TMP/aws-error"; then
      aws_report 'sagemaker delete-inference-component'
      return 4
    fi
    wait_while "$SETTLING" "component $1" 3600 component_state "$1" || return $?
    aws_delete sagemaker delete-inference-component --inference-component-name "$1" || return 4
  fi
  wait_while '[^M].*' "component $1" 1800 component_state "$1"
}

# Prints InferenceComponentStatus, or Missing; the description is then in $MCC_TMP/component.json.
component_state() {
  if aws_try sagemaker describe-inference-component --inference-component-name "$1" >"$MCC_TMP/component.json"; then
    jq -r .InferenceComponentStatus "$MCC_TMP/component.json"
  elif aws_not_found; then
    printf 'Missing'
  else
    aws_report 'sagemaker describe-inference-component'
    return 4
  fi
}

# bring_up_component MODEL: create or update the component so that it serves MODEL.
bring_up_component() {
  local limit request
  limit=$(startup_seconds)
  if exists_inference_component "$COMPONENT_NAME" && ! state_has inference-component "$COMPONENT_NAME"; then
    fail "inference component $COMPONENT_NAME exists already and was not created by this project" \
      'choose another project name, or delete it yourself if it is yours'
  fi
  wait_while "$SETTLING" "component $COMPONENT_NAME" "$limit" component_state "$COMPONENT_NAME"
  if [ "$WAIT_STATE" = Failed ]; then
    info "component $COMPONENT_NAME is Failed: replacing it"
    drop inference-component "$COMPONENT_NAME" || exit $?
    WAIT_STATE=Missing
  fi
  if [ "$WAIT_STATE" = Missing ]; then
    state_record inference-component "$COMPONENT_NAME"
    request=$(payload create-inference-component .InferenceComponentName="$COMPONENT_NAME" .EndpointName="$ENDPOINT_NAME" .Specification.ModelName="$1")
    aws_call_quiet sagemaker create-inference-component --cli-input-json "file://$request"
    info "creating component $COMPONENT_NAME"
  elif [ "$(jq -r .Specification.ModelName "$MCC_TMP/component.json")" != "$1" ]; then
    request=$(payload update-inference-component .InferenceComponentName="$COMPONENT_NAME" .Specification.ModelName="$1")
    aws_call_quiet sagemaker update-inference-component --cli-input-json "file://$request"
    info "updating component $COMPONENT_NAME"
    limit=$((limit + 3600))
  fi
  wait_while "$SETTLING" "component $COMPONENT_NAME" "$limit" component_state "$COMPONENT_NAME"
  if [ "$WAIT_STATE" = InService ] && [ "$(jq -r .Specification.ModelName "$MCC_TMP/component.json")" = "$1" ]; then
    info "component $COMPONENT_NAME is in service"
    return 0
  fi
  show_log "/aws/sagemaker/InferenceComponents/$COMPONENT_NAME" 30m
  printf '  %s\n' "$(jq -r '.FailureReason // ""' "$MCC_TMP/component.json")" | printable >&2
  if [ "$WAIT_STATE" = InService ]; then
    fail "the update was rolled back: component $COMPONENT_NAME serves the former model" \
      'fix the cause (do/logs) and run do/deploy again'
  fi
  fail "component $COMPONENT_NAME is $WAIT_STATE" 'fix the cause (do/logs) and run do/deploy again, or do/clean'
}

# component_status: one JSON object for do/status.
component_status() {
  local state
  state=$(component_state "$COMPONENT_NAME") || return 4
  if [ "$state" = Missing ]; then printf '{}' >"$MCC_TMP/component.json"; fi
  jq -c --arg name "$COMPONENT_NAME" --arg state "$state" '{name: $name, status: $state, failure: .FailureReason,
    copies: .RuntimeConfig.CurrentCopyCount, wanted: .RuntimeConfig.DesiredCopyCount, model: .Specification.ModelName}' \
    "$MCC_TMP/component.json"
}
