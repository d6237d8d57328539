use super::to_text;

#[test]
fn tags_go_and_text_stays() {
    let cases: &[(&str, &str)] = &[
        ("plain", "plain"),
        ("<p>One<br>Two</p><p>Three", "One\nTwo\nThree"),
        ("a<b>b</b>c", "abc"),
        ("a\r\n  b", "a b"),
        ("<td>a</td><td>b</td>", "a b"),
        ("<head><title>t</title></head><body>b", "b"),
        ("<STYLE>p { x }</STYLE>a<script>1 < 2</script>b", "ab"),
        ("<style>never closed", ""),
        ("a<!-- <b>hidden</b> -->b", "ab"),
        ("<!doctype html><?xml?>a", "a"),
        ("<a title=\"x > y\">link</a>", "link"),
        ("<a title=\"never closed>link</a>", "link"),
        ("a &amp; b &lt;c&gt; &#233; &#xe9; &nbsp; &nosuch; &", "a & b <c> \u{e9} \u{e9} &nosuch; &"),
        ("1 < 2", "1 < 2"),
        ("a<", "a<"),
        ("<div>own</div><blockquote><p>quoted</p></blockquote>after", "own\n> quoted\nafter"),
    ];
    for (html, expected) in cases {
        assert_eq!(to_text(html, 1_000).trim_end(), *expected, "{html}");
    }
}

#[test]
fn reading_stops_when_there_is_enough() {
    let text = to_text(&"<p>word</p>".repeat(10_000), 100);
    assert!((100..120).contains(&text.len()), "{}", text.len());
}
