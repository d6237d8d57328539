use super::*;
use crate::wire::response::Response;

fn written(response: &Response<'_>) -> String {
    let mut out = BytesMut::new();
    response.encode(&mut out, Names::ModifiedUtf7);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn usage_is_rounded_so_that_it_never_looks_smaller_nor_the_limit_larger() {
    let cases = [
        ((0, 0), (0, 0)),
        ((1, 1023), (1, 0)),
        ((1024, 1024), (1, 1)),
        ((1025, u64::MAX), (2, u64::MAX / 1024)),
    ];
    for ((used_bytes, limit_bytes), (used, limit)) in cases {
        assert_eq!(
            Usage::of_bytes(used_bytes, limit_bytes),
            Usage { used, limit },
            "{used_bytes} {limit_bytes}"
        );
    }
}

// RFC 9208 §4.2
#[test]
fn the_examples_of_the_rfc_are_written_as_they_are() {
    let quota = QuotaLine { root: "", storage: Usage { used: 10, limit: 512 } };
    let cases = [
        (Response::Quota(quota), "* QUOTA \"\" (STORAGE 10 512)\r\n"),
        (Response::QuotaRoot { mailbox: "INBOX", root: Some("") }, "* QUOTAROOT INBOX \"\"\r\n"),
        (Response::QuotaRoot { mailbox: "comp.mail.mime", root: None }, "* QUOTAROOT comp.mail.mime\r\n"),
    ];
    for (response, expected) in cases {
        assert_eq!(written(&response), expected);
    }
}
