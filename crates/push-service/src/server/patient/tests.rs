use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

const PATIENCE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn who_reads_slowly_is_waited_for_and_who_does_not_read_is_not() {
    let (near, mut far) = duplex(4);
    let mut patient = Patient::new(near, PATIENCE);
    let reader = tokio::spawn(async move {
        let mut read = [0; 8];
        for byte in &mut read {
            sleep(PATIENCE / 4).await;
            *byte = far.read_u8().await.unwrap();
        }
        (far, read)
    });
    patient.write_all(b"12345678").await.unwrap();
    let (far, read) = reader.await.unwrap();
    assert_eq!(&read, b"12345678");

    // Four bytes fit.
    let error = patient.write_all(b"abcdefgh").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(far);
}
