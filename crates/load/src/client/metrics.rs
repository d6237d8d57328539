//! Reading a counter of a server under measurement from its `/metrics`.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The sum of all series of a counter; 0 if it has none yet.
///
/// # Errors
/// If the server does not answer.
pub async fn counter(address: SocketAddr, name: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "no metrics");
    Ok(sum(&answer, name))
}

fn sum(text: &str, name: &str) -> f64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(name));
    series
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn the_series_of_one_name_are_added_up() {
        let text =
            "# TYPE a_total counter\na_total{code=\"1\"} 3\na_total{code=\"2\"} 4\na_total_more 9\nb 5\n";
        assert!((sum(text, "a_total") - 7.0).abs() < 1e-9);
        assert!(sum(text, "c").abs() < 1e-9);
    }
}
