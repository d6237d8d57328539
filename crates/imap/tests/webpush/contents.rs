//! What pushes say (draft-gougeon-imap-webpush §6 and §7): known answers for each form.

use store::{MailboxName, SpecialUse, Target};

use crate::world::{Client, Device, World};

const PLAIN: &str = "Date: Mon, 7 Feb 1994 21:52:25 -0800\nFrom: Fred Foobar <foobar@Blurdybloop.example>\n\
     Subject: afternoon meeting\nTo: mooch@owatagu.siam.edu.example\nMessage-ID: <B27397-0100000@Blurdybloop.example>\n\n\
     Hello Joe, do you think we can meet at 3:30 tomorrow?\n";

const ENVELOPE: &str = "ENVELOPE (\"Mon, 7 Feb 1994 21:52:25 -0800\" \"afternoon meeting\" \
     ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\")) ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\")) \
     ((\"Fred Foobar\" NIL \"foobar\" \"Blurdybloop.example\")) ((NIL NIL \"mooch\" \"owatagu.siam.edu.example\")) \
     NIL NIL NIL \"<B27397-0100000@Blurdybloop.example>\")";

async fn phone() -> (World, Client, Device) {
    let world = World::start().await;
    let mut client = world.client().await;
    let device = world.subscribed(&mut client, "phone").await;
    (world, client, device)
}

#[tokio::test]
async fn new_mail_is_pushed_with_flags_envelope_and_text() {
    let (world, _client, phone) = phone().await;
    world.deliver(PLAIN).await;
    let arrived = world.sink.next(&phone.path()).await;
    let text = "Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n";
    let expected = format!(
        "* SELECT INBOX\r\n* 1 UIDFETCH (FLAGS () {ENVELOPE} BINARY[1] {{{}}}\r\n{text})\r\n",
        text.len()
    );
    assert_eq!(phone.read(&arrived), expected);
    let headers = ["ttl", "urgency", "topic", "content-encoding"].map(|name| arrived.header(name));
    assert_eq!(headers, ["604800", "high", "", "aes128gcm"]);
    assert_eq!((arrived.body.len() - 86 - 16 - 1) % 128, 0, "padded to steps of 128 bytes");
}

#[tokio::test]
async fn each_change_has_its_response() {
    let (world, mut client, phone) = phone().await;
    world.deliver(PLAIN).await;
    world.push(&phone).await;
    client.ok("SELECT INBOX").await;
    let flags = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)";
    let cases = [
        (
            "STORE 1 +FLAGS (\\Seen)",
            "* SELECT INBOX\r\n* 1 UIDFETCH (FLAGS (\\Seen))\r\n".to_owned(),
            "normal",
        ),
        (
            "STORE 1 +FLAGS ($Work)",
            format!("* SELECT INBOX\r\n{flags}\r\n* 1 UIDFETCH (FLAGS (\\Seen $Work))\r\n"),
            "normal",
        ),
        ("CREATE Projects", "* LIST (\\HasNoChildren) \"/\" Projects\r\n".to_owned(), "low"),
        (
            "RENAME Projects Plans",
            "* LIST (\\HasNoChildren) \"/\" Plans (\"OLDNAME\" (Projects))\r\n".to_owned(),
            "low",
        ),
        ("DELETE Plans", "* LIST (\\NonExistent) \"/\" Plans\r\n".to_owned(), "low"),
        (
            "STORE 1 +FLAGS (\\Deleted)",
            "* SELECT INBOX\r\n* 1 UIDFETCH (FLAGS (\\Deleted \\Seen $Work))\r\n".to_owned(),
            "normal",
        ),
        ("EXPUNGE", "* SELECT INBOX\r\n* VANISHED 1\r\n".to_owned(), "normal"),
    ];
    for (command, expected, urgency) in cases {
        client.ok(command).await;
        let arrived = world.sink.next(&phone.path()).await;
        assert_eq!(phone.read(&arrived), expected, "{command}");
        assert_eq!(arrived.header("urgency"), urgency, "{command}");
    }
}

#[tokio::test]
async fn the_capabilities_of_the_registering_connection_shape_its_pushes() {
    let world = World::start().await;
    let mut plain = world.client().await;
    let old = world.subscribed(&mut plain, "old").await;
    let mut enabled = world.client().await;
    enabled.ok("ENABLE UTF8=ACCEPT CONDSTORE").await;
    let new = world.subscribed(&mut enabled, "new").await;
    let target = |name: &str| Target::NameOrInbox(MailboxName::new(name).unwrap());
    let access = world.store.system_access(world.alice);
    let _made =
        world.store.create_mailbox(&access, &MailboxName::new("Entwürfe").unwrap(), None).await.unwrap();
    assert!(world.push(&old).await.contains("Entw&APw-rfe"));
    assert!(world.push(&new).await.contains("\"Entwürfe\""));
    world.put("Subject: x\n\nHello\n", target("Entwürfe")).await;
    let push = world.push(&old).await;
    assert!(push.starts_with("* SELECT Entw&APw-rfe\r\n") && !push.contains("MODSEQ"), "{push}");
    let push = world.push(&new).await;
    assert!(push.starts_with("* SELECT \"Entwürfe\"\r\n") && push.contains("FLAGS () MODSEQ ("), "{push}");
}

#[tokio::test]
async fn preview_and_emailid_are_told_to_those_who_enabled_them() {
    let (world, mut plain, _phone) = phone().await;
    let neither = world.subscribed(&mut plain, "neither").await;
    let mut with_ids = world.client().await;
    with_ids.ok("ENABLE OBJECTID").await;
    let ids = world.subscribed(&mut with_ids, "ids").await;
    let mut with_previews = world.client().await;
    with_previews.ok("ENABLE PREVIEW").await;
    let previews = world.subscribed(&mut with_previews, "previews").await;
    let placed = world.deliver("From: a@example.org\nSubject: x\n\nHello there\n").await;
    let id = placed.message.0;
    let cases = [
        (neither, "* 1 UIDFETCH (FLAGS () ENVELOPE (".to_owned(), false),
        (ids, format!("* 1 UIDFETCH (FLAGS () EMAILID (M{id}) ENVELOPE ("), false),
        (previews, "* 1 UIDFETCH (FLAGS () ENVELOPE (".to_owned(), true),
    ];
    for (device, start, has_preview) in cases {
        let push = world.push(&device).await;
        assert!(push.starts_with(&format!("* SELECT INBOX\r\n{start}")), "{push}");
        assert_eq!(push.contains(" PREVIEW \"Hello there\""), has_preview, "{push}");
    }
}

#[tokio::test]
async fn a_device_that_missed_more_than_is_remembered_is_told_to_synchronise() {
    let (mut world, _client, phone) = phone().await;
    world.stop_notifier().await;
    world.deliver(PLAIN).await;
    world.forget_history();
    world.start_notifier();
    let arrived = world.sink.next(&phone.path()).await;
    assert_eq!(phone.read(&arrived), "* SYNC\r\n");
    assert_eq!(["topic", "urgency"].map(|name| arrived.header(name)), ["sync", "low"]);
    // From there on it is told of changes again.
    world.deliver("Subject: next\n\nHello\n").await;
    assert!(world.push(&phone).await.contains("\"next\""));
}

#[tokio::test]
async fn the_text_is_decoded_found_among_parts_and_cut_at_a_character() {
    let (world, _client, phone) = phone().await;
    let latin = "Subject: a\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n";
    let html_only = "Subject: b\nContent-Type: text/html\n\n<p>Hi</p>\n";
    let nested = "Subject: c\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\
         Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html\n\n<p>Hi</p>\n--a\n\
         Content-Type: text/plain\n\nHi\n--a--\n--m\nContent-Type: image/png\n\nxxxx\n--m--\n";
    let long = format!("Subject: d\nContent-Type: text/plain; charset=utf-8\n\n{}\n", "ü".repeat(9000));
    let cases = [
        (latin, " BINARY[1] {9}\r\nGrüße\r\n)"),
        (html_only, " BINARY[1] {11}\r\n<p>Hi</p>\r\n)"),
        (nested, " BINARY[1.2] {2}\r\nHi)"),
        (&long, " BINARY[1]<0> {"),
    ];
    for (message, expected) in cases {
        world.deliver(message).await;
        let push = world.push(&phone).await;
        assert!(push.contains(expected), "{push}");
        assert!(push.len() <= 3993);
        assert!(!push.contains('\u{fffd}'));
    }
}

#[tokio::test]
async fn junk_and_trash_ring_nobody_and_a_burst_is_summed_up() {
    let (world, _client, phone) = phone().await;
    world.put("Subject: spam\n\nBuy\n", Target::UseOrInbox(SpecialUse::Junk)).await;
    world.put("Subject: gone\n\nOld\n", Target::UseOrInbox(SpecialUse::Trash)).await;
    let access = world.store.system_access(world.alice);
    let bytes = bytes::Bytes::from_static(b"Subject: one of many\r\n\r\nHello\r\n");
    let raw = store::Raw { parsed: std::sync::Arc::new(message::Parsed::parse(&bytes)), bytes };
    let one = store::NewMessage {
        raw,
        target: Target::NameOrInbox(MailboxName::inbox()),
        received_at: store::UnixTime(1_700_000_000),
        flags: store::Flags::default(),
        keywords: Vec::new(),
        cause: store::Cause::Delivery,
    };
    let _changes = world.store.append_many(&access, vec![one; 1000]).await.unwrap();
    let arrived = world.sink.next(&phone.path()).await;
    let push = phone.read(&arrived);
    assert!(push.starts_with("* SELECT INBOX\r\n* SYNC") && !push.contains("spam"), "{push}");
    assert_eq!(arrived.header("urgency"), "high", "it is new mail nevertheless");
}
