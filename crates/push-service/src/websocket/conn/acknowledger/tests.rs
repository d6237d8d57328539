use super::*;
use crate::testing::TestServer;

#[tokio::test]
async fn it_is_full_while_the_storage_is_slower_than_the_agent() {
    let server = TestServer::start().await;
    let agent = AgentId::random().unwrap();
    let mut acknowledger = Acknowledger::new(Arc::clone(server.server.service()), agent);
    let message = || (0..1024).map(MessageId::from_number).collect();
    acknowledger.add(message(), vec![], Codes::default());
    assert!(!acknowledger.is_full(), "on its way to the storage");
    acknowledger.add(message(), vec![], Codes::default());
    assert!(acknowledger.is_full());
    acknowledger.progress().await;
    assert!(!acknowledger.is_full());
    acknowledger.finish().await;
}
