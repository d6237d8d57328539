use http::HeaderValue;

use super::*;

const SET: &str = "urn:ietf:params:push:set";

// RFC 8288 §3, RFC 8030 §4.1
#[test]
fn the_targets_of_a_relation_are_found() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&[], &[]),
        (&["</set/1>; rel=\"urn:ietf:params:push:set\""], &["/set/1"]),
        (&["</set/1>;rel=urn:ietf:params:push:set"], &["/set/1"]),
        (&["</x>; rel=\"next\", </set/1>; rel=\"urn:ietf:params:push:set\""], &["/set/1"]),
        (&["</x>; rel=next", "</set/1>; REL=\"prev urn:ietf:params:push:SET\""], &["/set/1"]),
        (&["</a,b>; title=\"c, <d>; \\\"\"; rel=\"urn:ietf:params:push:set\""], &["/a,b"]),
        (&["</set/1>; rel=next; rel=\"urn:ietf:params:push:set\""], &[]),
        (&["</set/1>; rel=\"urn:ietf:params:push\""], &[]),
        (&["/set/1; rel=\"urn:ietf:params:push:set\"", "</set/2; rel"], &[]),
        (&["</1>; rel=urn:ietf:params:push:set, </2>; rel=urn:ietf:params:push:set"], &["/1", "/2"]),
    ];
    for (fields, expected) in cases {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(LINK, HeaderValue::from_str(field).unwrap());
        }
        assert_eq!(targets(&headers, SET), expected, "{fields:?}");
    }
}
