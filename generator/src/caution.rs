//! What to say of a model's sizes that are not read from its own configuration.

use mcc_fit::sizing::Origin;

/// The sentence that every answer carries which uses such sizes; none where they are the model's own.
pub fn caution(origin: &Origin) -> Option<String> {
    Some(match origin {
        Origin::Own => return None,
        Origin::Parts => "the sizes of the pipeline's parts are rounded, from what is published of them, and what a request \
                          takes beside them is estimated for one image of 1024 x 1024, or a film of some seconds at 480p"
            .to_owned(),
        Origin::Derived { sibling: Some(sibling) } => format!(
            "the model's sizes are derived from the config.json of {sibling}, not read from its own: give its config.json \
             as modelConfig to be sure"
        ),
        Origin::Derived { sibling: None } => {
            "the model's sizes are derived from parts of its config.json: give the whole file as modelConfig to be sure"
                .to_owned()
        }
        Origin::Recalled => "the model's sizes are recalled, not read from its config.json; its number of parameters bears \
                             them out, and says nothing of context, window and number format: give its config.json as \
                             modelConfig to be sure"
            .to_owned(),
        Origin::Variant { of } => format!(
            "the model's sizes are those of {of} in its precision: give its own config.json as modelConfig to be sure"
        ),
    })
}
