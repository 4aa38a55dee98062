//! What a misspelt word may have meant.

/// The known word nearest to `word`, when one is near enough to be meant: at most a third of its
/// letters inserted, dropped, replaced or swapped with a neighbour. The first of equals.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    /// No known word is longer; a stranger's may be.
    const LONGEST: usize = 64;
    let letters: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return None;
    }
    let near = (letters.len() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(&letters, &candidate.chars().collect::<Vec<_>>()), *candidate))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: edits, with neighbours swapped as one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant() {
        let known = ["contiguous", "held", "min-size", "max-size"];
        let table = [
            ("contigous", Some("contiguous")),
            ("hled", Some("held")),
            ("min_size", Some("min-size")),
            ("maxsize", Some("max-size")),
            ("protected", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
    }

    #[test]
    fn a_word_longer_than_any_means_none() {
        assert_eq!(nearest(&"contiguous".repeat(1000), &["contiguous"]), None);
    }
}
