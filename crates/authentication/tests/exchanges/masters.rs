//! Who may act as whom.

use authentication::Refusal;

use crate::support::Home;

#[tokio::test]
async fn a_master_opens_every_account_and_nobody_else_does() {
    let home = Home::new(&["alice", "bob", "root"], &["Root@mail.example.org"]).await;
    let cases = [
        // authzid, authcid, password, account, master
        ("", "root", "secret of root", Ok(("root", false))),
        ("alice", "root", "secret of root", Ok(("alice", true))),
        ("ALICE@mail.example.org", "root", "secret of root", Ok(("alice", true))),
        ("root", "root", "secret of root", Ok(("root", false))),
        ("", "alice*root", "secret of root", Ok(("alice", true))),
        ("alice", "alice", "secret of alice", Ok(("alice", false))),
        ("nobody", "root", "secret of root", Err("forbidden")),
        ("alice", "root", "secret of alice", Err("wrong")),
        ("alice", "bob", "secret of bob", Err("forbidden")),
        ("nobody", "bob", "secret of bob", Err("forbidden")),
        ("alice", "bob", "secret of alice", Err("wrong")),
        ("", "alice*bob", "secret of bob", Err("wrong")),
        ("", "alice*root", "secret of alice", Err("wrong")),
    ];
    for (authzid, authcid, password, expected) in cases {
        let header = if authzid.is_empty() { "n,,".to_owned() } else { format!("n,a={authzid},") };
        let plain = home.plain(&format!("{authzid}\0{authcid}\0{password}")).await;
        let scram = home.scram(&header, authcid, password).await;
        for result in [plain, scram] {
            match (result, expected) {
                (Ok(opened), Ok((account, by_master))) => {
                    assert_eq!(opened.access.owner(), home.id(account).await, "{authzid} {authcid}");
                    assert_eq!(opened.master.as_deref(), by_master.then_some("root"), "{authzid} {authcid}");
                }
                (Err(Refusal::NotAuthorized), Err("forbidden"))
                | (Err(Refusal::WrongCredentials), Err("wrong")) => {}
                (other, _) => panic!("{authzid} {authcid}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_app_password_of_a_master_opens_its_own_account_only() {
    let home = Home::new(&["alice", "root"], &["root"]).await;
    home.store.add_app_password(home.id("root").await, "phone", "of the phone").await.unwrap();
    assert!(home.plain("\0root\0of the phone").await.is_ok());
    assert!(matches!(home.plain("alice\0root\0of the phone").await, Err(Refusal::NotAuthorized)));
    let bound = home.scram("n,a=alice,", "root", "of the phone").await;
    assert!(matches!(bound, Err(Refusal::NotAuthorized)));
}

#[tokio::test]
async fn without_masters_a_star_is_part_of_a_name() {
    let home = Home::new(&["alice*root", "alice"], &[]).await;
    let opened = home.plain("\0alice*root\0secret of alice*root").await.unwrap();
    assert_eq!(opened.access.owner(), home.id("alice*root").await);
}
