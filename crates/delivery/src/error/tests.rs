use super::*;

#[test]
fn every_error_of_the_store_has_a_class() {
    for (error, quota_bytes, class) in [
        (store::Error::NotFound("account"), None, Class::Refused),
        (store::Error::Forbidden("x"), None, Class::Refused),
        (store::Error::Limit("x"), None, Class::Refused),
        (store::Error::Invalid { what: "x", why: "y".into() }, None, Class::Refused),
        (store::Error::OverQuota, Some(1000), Class::Unavailable),
        (store::Error::OverQuota, Some(999), Class::Refused),
        (store::Error::Unavailable("disk full".into()), None, Class::Unavailable),
        (store::Error::Bug("x".into()), None, Class::Bug),
    ] {
        let text = format!("{error:?}");
        assert_eq!(Error::from_store(error, 1000, quota_bytes).class(), class, "{text}");
    }
}
