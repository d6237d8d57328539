//! A text as a question to the index.

use super::SEPARATOR;

/// The query that names every text which holds this one, and others. `None` for texts that are shorter than three
/// characters, or hold what stands between texts.
pub(super) fn query(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < TRIGRAM || characters.iter().any(|c| [SEPARATOR, '\0'].contains(c)) {
        return None;
    }
    let last = characters.len() - TRIGRAM;
    // Of a long text some, evenly: the more there are, the more lists have to be walked through together.
    let step = last.div_ceil(TRIGRAMS_MAX - 1).max(1);
    let mut starts: Vec<usize> = (0..last).step_by(step).collect();
    starts.push(last);
    let mut grams: Vec<&[char]> =
        starts.into_iter().filter_map(|start| characters.get(start..start + TRIGRAM)).collect();
    grams.sort_unstable();
    grams.dedup();
    let quoted = |gram: &[char]| {
        let text: String = gram.iter().collect();
        format!("\"{}\"", text.replace('"', "\"\""))
    };
    Some(grams.into_iter().map(quoted).collect::<Vec<_>>().join(" AND "))
}

/// Characters of one.
const TRIGRAM: usize = 3;
/// Trigrams that are asked for at most.
const TRIGRAMS_MAX: usize = 16;

#[cfg(test)]
mod tests;
