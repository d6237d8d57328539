use crate::structure::Node;
use crate::tree;

fn leaf(media_type: &str, disposition: &str, name: &str) -> String {
    format!(
        "Content-Type: {media_type}\r\nContent-Disposition: {disposition}\r\nContent-ID: {name}\r\n\r\n{name}"
    )
}

fn multipart(subtype: &str, boundary: &str, parts: &[String]) -> String {
    let mut raw = format!("Content-Type: multipart/{subtype}; boundary={boundary}\r\n\r\n");
    for part in parts {
        raw += &format!("--{boundary}\r\n{part}\r\n");
    }
    raw + &format!("--{boundary}--\r\n")
}

/// `text / html / attachments`, by Content-ID.
fn lists(raw: &str) -> String {
    let structure = tree::parse(raw.as_bytes());
    let lists = structure.body_lists();
    let names = |nodes: &[Node<'_>]| {
        let name =
            |node: &Node<'_>| String::from_utf8_lossy(node.part.id.as_deref().unwrap_or(b"?")).into_owned();
        nodes.iter().map(name).collect::<String>()
    };
    let attached = if lists.has_attachment() { "" } else { " (none)" };
    format!(
        "{} / {} / {}{attached}",
        names(&lists.text_body),
        names(&lists.html_body),
        names(&lists.attachments)
    )
}

/// RFC 8621 §4.1.4, its example.
#[test]
fn the_example_of_the_rfc_is_sorted_as_the_rfc_says() {
    let plain_side = multipart(
        "mixed",
        "b4",
        &[
            leaf("text/plain", "inline", "B"),
            leaf("image/jpeg", "inline", "C"),
            leaf("text/plain", "inline", "D"),
        ],
    );
    let html_side =
        multipart("related", "b5", &[leaf("text/html", "inline", "E"), leaf("image/jpeg", "inline", "F")]);
    let inner = multipart(
        "mixed",
        "b2",
        &[
            multipart("alternative", "b3", &[plain_side, html_side]),
            leaf("image/jpeg", "attachment", "G"),
            leaf("application/x-excel", "attachment", "H"),
            leaf("message/rfc822", "attachment", "J"),
        ],
    );
    let raw = multipart(
        "mixed",
        "b1",
        &[leaf("text/plain", "inline", "A"), inner, leaf("text/plain", "inline", "K")],
    );
    assert_eq!(lists(&raw), "ABCDK / AEK / CFGHJ");
}

#[test]
fn common_shapes_are_sorted() {
    let (plain, html) = (leaf("text/plain", "inline", "P"), leaf("text/html", "inline", "H"));
    let (picture, file) = (leaf("image/png", "inline", "I"), leaf("application/pdf", "attachment", "F"));
    let cases = [
        (plain.clone(), "P / P /  (none)"),
        (html.clone(), "H / H /  (none)"),
        (file.clone(), " /  / F"),
        (multipart("alternative", "b", &[plain.clone(), html.clone()]), "P / H /  (none)"),
        (multipart("alternative", "b", std::slice::from_ref(&html)), "H / H /  (none)"),
        (multipart("mixed", "b", &[plain.clone(), file.clone()]), "P / P / F"),
        (multipart("mixed", "b", &[plain.clone(), picture.clone()]), "PI / PI /  (none)"),
        (multipart("related", "b", &[html.clone(), picture.clone()]), "H / H / I (none)"),
        (
            multipart("alternative", "b", &[plain.clone(), multipart("related", "c", &[html, picture])]),
            "P / H / I (none)",
        ),
        (
            multipart("mixed", "b", &[plain, leaf("text/plain; name=a.txt", "inline", "N")]),
            "P / P / N (none)",
        ),
    ];
    for (raw, expected) in cases {
        assert_eq!(lists(&raw), expected, "{raw}");
    }
}
