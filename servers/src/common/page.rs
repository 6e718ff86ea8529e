//! Pages of a list. The cursor is the number of items before the page: lists are deterministic.

use crate::mcp::error::{Problem, ToolError};

/// One page.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<String>,
}

/// `limit` items from `cursor` on.
///
/// # Errors
/// A cursor that no page gave.
pub(crate) fn of<T>(all: Vec<T>, cursor: Option<&str>, limit: usize) -> Result<Page<T>, ToolError> {
    let total = all.len();
    let start = match cursor {
        None => 0,
        Some(text) => text.parse().ok().filter(|start| *start < total).ok_or_else(|| {
            ToolError::of(
                "invalid_arguments",
                Problem::of("cursor", "it is not from an answer with the same arguments")
                    .fix("leave it out to start from the first page"),
            )
        })?,
    };
    let end = start.saturating_add(limit).min(total);
    let items = all.into_iter().skip(start).take(limit).collect();
    Ok(Page { items, next: (end < total).then(|| end.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let all: Vec<u32> = (0..25).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = of(all.clone(), cursor.as_deref(), 10).unwrap();
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        for wrong in ["25", "-1", "x", ""] {
            assert_eq!(of(all.clone(), Some(wrong), 10).unwrap_err().code, "invalid_arguments");
        }
        assert_eq!(of(Vec::<u32>::new(), None, 10).unwrap().next, None);
    }
}
