//! What is kept for one subscription and one agent, and what gives way.

use super::*;

#[tokio::test]
async fn at_the_limit_the_oldest_of_the_lowest_urgency_goes() {
    let limits = Retention { subscription_messages_max: 3, ..retention() };
    let fixture = Fixture::new(limits);
    let subscription = fixture.subscription().await;
    let urgent = |urgency, text: &str| NewMessage { urgency, ..message(&subscription, text, NOW) };
    // (urgency, its name, whether it is kept, what is left)
    let cases: [(Urgency, &str, bool, &[&str]); 7] = [
        (Urgency::Low, "low 1", true, &["low 1"]),
        (Urgency::High, "high 1", true, &["low 1", "high 1"]),
        (Urgency::Low, "low 2", true, &["low 1", "high 1", "low 2"]),
        (Urgency::Normal, "normal 1", true, &["high 1", "low 2", "normal 1"]),
        (Urgency::Low, "low 3", true, &["high 1", "normal 1", "low 3"]),
        (Urgency::High, "high 2", true, &["high 1", "normal 1", "high 2"]),
        (Urgency::VeryLow, "very low", false, &["high 1", "normal 1", "high 2"]),
    ];
    for (urgency, text, kept, left) in cases {
        let stored = fixture.storage.store(urgent(urgency, text), NOW).await.unwrap();
        assert_eq!(matches!(stored, Stored::Kept(_)), kept, "{text}");
        assert_eq!(stored == Stored::Full, !kept, "{text}");
        assert_eq!(fixture.pending(subscription.agent).await, left, "after {text}");
    }
}

#[tokio::test]
async fn bytes_are_limited_for_each_subscription_but_one_message_always_fits() {
    let limits = Retention { subscription_bytes_max: 10, ..retention() };
    let fixture = Fixture::new(limits);
    let subscription = fixture.subscription().await;
    let cases: [(&str, &[&str]); 5] = [
        ("12345", &["12345"]),
        ("6789", &["12345", "6789"]),
        ("abc", &["6789", "abc"]),
        ("much larger than the limit", &["much larger than the limit"]),
        ("z", &["z"]),
    ];
    for (text, left) in cases {
        fixture.keep(message(&subscription, text, NOW)).await;
        assert_eq!(fixture.pending(subscription.agent).await, left, "after {text}");
    }
}

#[tokio::test]
async fn an_agents_limit_holds_over_all_its_subscriptions() {
    let limits = Retention { agent_messages_max: 3, agent_bytes_max: 10, ..retention() };
    let fixture = Fixture::new(limits);
    let first = fixture.subscription().await;
    let second = subscribe(fixture.storage.as_ref(), first.agent, channel(2), NOW).await;
    let stranger = fixture.subscription().await;
    fixture.keep(message(&stranger, "of another agent", NOW)).await;
    // Subscription, urgency, body, whether it is kept, what is left of both.
    type Case<'a> = (&'a Arc<Subscription>, Urgency, &'a str, bool, &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (&first, Urgency::Low, "a", true, &["a"]),
        (&first, Urgency::High, "b", true, &["a", "b"]),
        (&second, Urgency::Low, "c", true, &["a", "b", "c"]),
        // By number: the oldest of the lowest urgency goes, though it is the other subscription's.
        (&second, Urgency::Normal, "d", true, &["b", "c", "d"]),
        // By bytes.
        (&second, Urgency::Normal, "12345678", true, &["b", "d", "12345678"]),
        (&first, Urgency::High, "123456789", true, &["b", "123456789"]),
        (&second, Urgency::Normal, "e", false, &["b", "123456789"]),
    ];
    for (subscription, urgency, text, kept, left) in cases {
        let new = NewMessage { urgency, ..message(subscription, text, NOW) };
        let stored = fixture.storage.store(new, NOW).await.unwrap();
        assert_eq!(matches!(stored, Stored::Kept(_)), kept, "{text}");
        assert_eq!(fixture.pending(first.agent).await, left, "after {text}");
    }
    assert_eq!(fixture.pending(stranger.agent).await, ["of another agent"]);

    // Counted again after a reopening, and when a subscription takes its share along.
    let fixture = fixture.reopened_with(limits);
    assert_eq!(fixture.storage.store(message(&second, "e", NOW), NOW).await.unwrap(), Stored::Full);
    fixture.storage.unregister(first.agent, first.channel).await.unwrap();
    fixture.keep(message(&second, "e", NOW)).await;
    assert_eq!(fixture.pending(first.agent).await, ["e"]);
}

/// More than are looked for at once, with the messages of another subscription and with urgencies between them, and some
/// acknowledged before it is their turn.
#[tokio::test]
async fn a_subscription_that_stays_full_gives_up_its_oldest_one_after_another() {
    let fixture = Fixture::new(Retention { subscription_messages_max: 200, ..retention() });
    let busy = fixture.subscription().await;
    let quiet = subscribe(fixture.storage.as_ref(), busy.agent, channel(2), NOW).await;
    let mut expected = Vec::new();
    for number in 0..200 {
        fixture.keep(message(&quiet, &format!("quiet {number}"), NOW)).await;
        let urgency = if number % 3 == 0 { Urgency::High } else { Urgency::Normal };
        let text = format!("{number}");
        let id = fixture.keep(NewMessage { urgency, ..message(&busy, &text, NOW) }).await;
        expected.push((urgency, text, id));
    }
    let acknowledge = |id| fixture.storage.acknowledge(busy.agent, vec![id]);
    for number in 0..150 {
        fixture.keep(message(&busy, &format!("new {number}"), NOW)).await;
        let oldest = expected.iter().position(|(urgency, ..)| *urgency == Urgency::Normal);
        oldest.map(|oldest| expected.remove(oldest));
        if number == 30 {
            // Its second next victim, which leaves room for one.
            let second =
                expected.iter().filter(|(urgency, ..)| *urgency == Urgency::Normal).nth(1).unwrap().2;
            assert_eq!(acknowledge(second).await.unwrap(), 1);
            expected.retain(|(.., id)| *id != second);
            fixture.keep(message(&busy, "into its place", NOW)).await;
        }
    }
    let pending = fixture.pending(busy.agent).await;
    let left: Vec<_> = pending.iter().filter(|text| text.parse::<u32>().is_ok()).collect();
    assert_eq!(left, expected.iter().map(|(_, text, _)| text).collect::<Vec<_>>());
    assert_eq!(pending.iter().filter(|text| text.starts_with("quiet")).count(), 200);
}

#[tokio::test]
async fn what_is_refused_for_want_of_room_costs_no_other_message_its_place() {
    let limits = Retention { subscription_bytes_max: 10, ..retention() };
    let fixture = Fixture::new(limits);
    let subscription = fixture.subscription().await;
    let of = |urgency, topic: Option<&str>, text| NewMessage {
        urgency,
        topic: topic.map(|topic| topic.parse::<Topic>().unwrap()),
        ..message(&subscription, text, NOW)
    };
    fixture.keep(of(Urgency::High, None, "urgent")).await;
    fixture.keep(of(Urgency::High, Some("topic"), "on")).await;
    fixture.keep(of(Urgency::Low, None, "lo")).await;
    for (topic, text) in [(None, "12345"), (Some("topic"), "12345")] {
        let stored = fixture.storage.store(of(Urgency::Low, topic, text), NOW).await.unwrap();
        assert_eq!(stored, Stored::Full, "{topic:?}");
        assert_eq!(fixture.pending(subscription.agent).await, ["urgent", "on", "lo"], "{topic:?}");
    }
    fixture.keep(of(Urgency::Low, Some("topic"), "1234")).await;
    assert_eq!(
        fixture.pending(subscription.agent).await,
        ["urgent", "1234"],
        "what it replaces and evicts is room"
    );
}

#[tokio::test]
async fn an_agent_has_a_limited_number_of_channels() {
    let fixture = Fixture::new(Retention { agent_channels_max: 2, ..retention() });
    let agent = AgentId::random().unwrap();
    let wish = |number| Registration { agent, channel: channel(number), restricted_to: None, now: NOW };
    subscribe(fixture.storage.as_ref(), agent, channel(1), NOW).await;
    subscribe(fixture.storage.as_ref(), agent, channel(2), NOW).await;
    assert_eq!(fixture.storage.register(wish(3)).await.unwrap(), Registered::TooManyChannels);
    assert!(matches!(fixture.storage.register(wish(2)).await.unwrap(), Registered::Subscription(_)));
    fixture.storage.unregister(agent, channel(1)).await.unwrap();
    assert!(matches!(fixture.storage.register(wish(3)).await.unwrap(), Registered::Subscription(_)));
}
