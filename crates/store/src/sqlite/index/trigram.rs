//! Trigrams: what a text is made of as the index sees it, and a text as a question to the index.
//!
//! The index is told each trigram of a message once, as a short word: telling a whole text to a tokenizer of trigrams
//! costs several times as much, most of it for those that it has already seen.

use super::SEPARATOR;

/// The words of a text: one for each of its trigrams, except those that reach across a [`SEPARATOR`].
pub(super) fn words(text: &str) -> String {
    let mut grams: Vec<u32> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    if let (Some(mut first), Some(mut second)) = (characters.next(), characters.next()) {
        for third in characters {
            if ![first, second, third].contains(&SEPARATOR) {
                grams.push(gram([first, second, third]));
            }
            (first, second) = (second, third);
        }
    }
    grams.sort_unstable();
    grams.dedup();
    let mut words = String::with_capacity(grams.len() * (WORD_LETTERS + 1));
    for gram in grams {
        words.extend(word(gram));
        words.push(' ');
    }
    words
}

/// The query that names every text which holds this one, and others. `None` for texts that are shorter than three
/// characters, or hold what stands between texts.
pub(super) fn query(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < TRIGRAM || characters.contains(&SEPARATOR) {
        return None;
    }
    let last = characters.len() - TRIGRAM;
    // Of a long text some, evenly: the more there are, the more lists have to be walked through together.
    let step = last.div_ceil(TRIGRAMS_MAX - 1).max(1);
    let mut starts: Vec<usize> = (0..last).step_by(step).collect();
    starts.push(last);
    let at = |start: usize| characters.get(start..start + TRIGRAM)?.try_into().ok().map(gram);
    let mut grams: Vec<u32> = starts.into_iter().filter_map(at).collect();
    grams.sort_unstable();
    grams.dedup();
    let words: Vec<String> = grams.into_iter().map(|gram| word(gram).collect()).collect();
    Some(words.join(" AND "))
}

/// A number for three characters. Others may have the same: then a text is named that does not hold them.
fn gram(characters: [char; TRIGRAM]) -> u32 {
    let bits =
        characters.into_iter().fold(0_u64, |bits, character| bits << 21 | u64::from(u32::from(character)));
    // Fibonacci hashing: the upper bits of the product depend on all of the factor's.
    let hash = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - GRAM_BITS);
    u32::try_from(hash).unwrap_or(u32::MAX)
}

/// A number in letters, none of which the query language or the tokenizer takes for anything else.
fn word(gram: u32) -> impl Iterator<Item = char> {
    (0..WORD_LETTERS).map(move |place| {
        let digit = gram >> (place * LETTER_BITS) & ((1 << LETTER_BITS) - 1);
        char::from_digit(digit, 1 << LETTER_BITS).unwrap_or_default()
    })
}

/// Characters of one.
const TRIGRAM: usize = 3;
/// Trigrams that are asked for at most.
const TRIGRAMS_MAX: usize = 16;
/// Enough that two of the trigrams that occur in mail seldom share a word.
const GRAM_BITS: u32 = 25;
const LETTER_BITS: usize = 5;
const WORD_LETTERS: usize = GRAM_BITS as usize / LETTER_BITS;

#[cfg(test)]
mod tests;
