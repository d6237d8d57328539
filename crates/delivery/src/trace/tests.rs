use super::*;

#[test]
fn dates_are_written_as_rfc_5322_has_them() {
    for (seconds, written) in [
        (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
        (784_111_777, "Sun, 6 Nov 1994 08:49:37 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (951_868_799, "Tue, 29 Feb 2000 23:59:59 +0000"),
        (1_795_363_200, "Sun, 22 Nov 2026 16:00:00 +0000"),
        (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
        (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
    ] {
        assert_eq!(date_time(UnixTime(seconds)), written);
    }
}

#[test]
fn the_header_names_the_path_the_client_and_the_transmission_type() {
    let bounces = Address { local_part: "bounces".into(), domain: Some("example.net".into()) };
    let trace = |reverse_path, peer, protocol| {
        let (hostname, client, id) = ("mail.example.org", "mx.example.net", "1a2b.7");
        Trace { reverse_path, hostname, client, peer, protocol, id, received_at: UnixTime(0) }.header()
    };
    let end = "id 1a2b.7;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n";
    for (reverse_path, peer, protocol, expected) in [
        (
            Some(&bounces),
            Peer::Tcp([192, 0, 2, 1].into()),
            Protocol::Lmtp,
            "Return-Path: <bounces@example.net>\r\nReceived: from mx.example.net ([192.0.2.1])\r\n\
             \tby mail.example.org with LMTP ",
        ),
        (
            None,
            Peer::Tcp("2001:db8::1".parse().unwrap()),
            Protocol::Lmtps,
            "Return-Path: <>\r\nReceived: from mx.example.net ([IPv6:2001:db8::1])\r\n\
             \tby mail.example.org with LMTPS ",
        ),
        (
            None,
            Peer::Unix,
            Protocol::Utf8Lmtp,
            "Return-Path: <>\r\nReceived: from mx.example.net\r\n\tby mail.example.org with UTF8LMTP ",
        ),
    ] {
        assert_eq!(trace(reverse_path, peer, protocol), format!("{expected}{end}"));
    }
}
