use super::*;

#[test]
fn an_agent_id_is_32_hexadecimal_digits_and_comes_back() {
    let id = AgentId::random().unwrap();
    assert_eq!(id.reveal().len(), 32);
    assert_eq!(AgentId::parse(&id.reveal()), Some(id));
    for wrong in ["", "0", "xyz", &"0".repeat(31), &"0".repeat(33), &"g".repeat(32)] {
        assert_eq!(AgentId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_channel_id_is_taken_only_in_the_form_in_which_it_is_given_back() {
    let text = "d9b74644-4f97-46aa-b8fa-9393985cd6cd";
    assert_eq!(ChannelId::parse(text).unwrap().to_string(), text);
    for wrong in [&text.to_uppercase(), &text.replace('-', ""), &format!("{{{text}}}"), "", "d9b74644"] {
        assert_eq!(ChannelId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_version_is_short_and_comes_back() {
    for number in [0, 1, 1_700_000_000_000_000, i64::MAX] {
        let id = MessageId::from_number(number);
        assert_eq!(id.version().len(), 11);
        assert_eq!(MessageId::parse_version(&id.version()), Some(id));
    }
    for wrong in ["", "AAAA", "AAAAAAAAAAAA", "AAAAAAAAAA=", "not base64!", &"A".repeat(4000)] {
        assert_eq!(MessageId::parse_version(wrong), None, "{wrong}");
    }
}

#[test]
fn secret_ids_do_not_print() {
    assert_eq!(format!("{:?}", AgentId::random().unwrap()), "AgentId(..)");
    assert_eq!(format!("{:?}", SubscriptionId::random().unwrap()), "SubscriptionId(..)");
}
