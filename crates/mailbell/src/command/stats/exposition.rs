//! Reading the text format of Prometheus, as far as our own metrics use it.

use std::collections::BTreeMap;

/// Every series that was exposed.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Exposition {
    /// Reads every line that is a series; others, such as comments and header fields before the text, are skipped.
    pub(super) fn parse(text: &str) -> Self {
        Self { series: text.lines().filter_map(series).collect() }
    }

    /// All series of that name together.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|series| series.value).sum()
    }

    /// The series of that name by the value of one label.
    pub(super) fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut by = BTreeMap::new();
        for series in self.of(name) {
            let value = series.labels.get(label).cloned().unwrap_or_default();
            *by.entry(value).or_insert(0.0) += series.value;
        }
        by
    }

    /// The value that `part` (0 to 1) of what a histogram counted does not exceed, evenly spread within its bucket; that of
    /// the last bound if it lies above. `None` if nothing was counted.
    pub(super) fn quantile(&self, name: &str, part: f64) -> Option<f64> {
        let mut buckets: Vec<(f64, f64)> = self
            .of(&format!("{name}_bucket"))
            .filter_map(|series| Some((series.labels.get("le")?.parse().ok()?, series.value)))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = buckets.last().map(|(_, all)| all * part).filter(|wanted| *wanted > 0.0)?;
        let (mut bound_before, mut count_before) = (0.0, 0.0);
        for (bound, count) in buckets {
            if count >= wanted {
                let within = (wanted - count_before) / (count - count_before);
                return Some(if bound.is_finite() {
                    bound_before + (bound - bound_before) * within
                } else {
                    bound_before
                });
            }
            (bound_before, count_before) = (bound, count);
        }
        None
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.name == name)
    }
}

fn series(line: &str) -> Option<Series> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.trim().parse().ok()?;
    let (name, labels) = match head.split_once('{') {
        None => (head, BTreeMap::new()),
        Some((name, labels)) => (name, labels.strip_suffix('}')?.split(',').filter_map(label).collect()),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !name.is_empty()).then(|| Series { name: name.to_owned(), labels, value })
}

/// Our labels hold neither quotes nor commas.
fn label(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.to_owned(), value.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    const TEXT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n\
        # TYPE a_total counter\na_total{code=\"100\",x=\"y\"} 3\na_total{code=\"101\"} 4\n\nb 5\n\
        t_bucket{le=\"0.5\"} 50\nt_bucket{le=\"1\"} 90\nt_bucket{le=\"+Inf\"} 100\nt_sum 42\nt_count 100\n";

    #[test]
    fn series_are_added_up_and_told_apart_by_a_label() {
        let metrics = Exposition::parse(TEXT);
        assert!((metrics.sum("a_total") - 7.0).abs() < 1e-9);
        assert!((metrics.sum("b") - 5.0).abs() < 1e-9);
        let by: Vec<_> = metrics.by_label("a_total", "code").into_iter().collect();
        assert_eq!(by, [("100".to_owned(), 3.0), ("101".to_owned(), 4.0)]);
    }

    #[test]
    fn quantiles_lie_within_their_bucket_and_not_beyond_the_last_bound() {
        let metrics = Exposition::parse(TEXT);
        for (part, expected) in [(0.25, 0.25), (0.5, 0.5), (0.7, 0.75), (0.99, 1.0)] {
            let found = metrics.quantile("t", part).unwrap();
            assert!((found - expected).abs() < 1e-9, "{part}: {found}");
        }
        assert_eq!(metrics.quantile("none", 0.5), None);
    }
}
