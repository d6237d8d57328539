use super::*;

fn line(failure: Failure) -> String {
    let mut out = bytes::BytesMut::new();
    answer(&failure, "TEST").unwrap().encode(&mut out, None);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn every_class_of_error_has_its_answer() {
    use store::Error;
    let cases = [
        (Failure::bad("log in first"), "BAD log in first"),
        (Failure::read_only(), "NO the mailbox is selected read-only"),
        (Failure::refused(Code::TooBig, "too big"), "NO [TOOBIG] too big"),
        (Failure::Store(Error::NotFound("mailbox")), "NO [NONEXISTENT] no such mailbox"),
        (Failure::Target(Error::NotFound("mailbox")), "NO [TRYCREATE] no such mailbox"),
        (Failure::Target(Error::OverQuota), "NO [OVERQUOTA] over quota"),
        (Failure::Store(Error::Exists("mailbox")), "NO [ALREADYEXISTS] mailbox already exists"),
        (Failure::Store(Error::Forbidden("x")), "NO [NOPERM] not permitted: x"),
        (Failure::Store(Error::Limit("keywords")), "NO [LIMIT] limit reached: keywords"),
        (
            Failure::Store(Error::Invalid { what: "mailbox name", why: "a level is empty".to_owned() }),
            "NO [CANNOT] invalid mailbox name: a level is empty",
        ),
        (
            Failure::Store(Error::Unavailable("disk I/O error at /secret".to_owned())),
            "NO [UNAVAILABLE] the server is busy, try again",
        ),
        (Failure::Store(Error::Bug("secret".to_owned())), "NO [SERVERBUG] the server has made a mistake"),
    ];
    for (failure, expected) in cases {
        assert_eq!(line(failure), format!("* {expected}\r\n"));
    }
}

#[test]
fn a_broken_connection_is_not_answered() {
    let broken = Failure::Link(std::io::ErrorKind::BrokenPipe.into());
    assert_eq!(answer(&broken, "TEST"), None);
}
