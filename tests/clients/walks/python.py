"""Type-checked and run in the generated client's folder by `npm run test:clients`."""

import sys
import time

from live_support_http_api_client import AuthenticatedClient, Client
from live_support_http_api_client.api.auth import register
from live_support_http_api_client.api.conversations import create_conversation, get_conversation, list_messages
from live_support_http_api_client.models import (
    ConversationStatus,
    CreateConversationRequest,
    ErrorCode,
    MessagePage,
    OwnConversation,
    Problem,
    RegisterRequest,
    Session,
)

base_url = sys.argv[1]
email = f"python-{time.time_ns()}@example.com"
session = register.sync(
    client=Client(base_url=base_url),
    body=RegisterRequest(name="Kim", email=email, password="correct horse battery staple"),
)
assert isinstance(session, Session), session
assert session.user.email == email

kim = AuthenticatedClient(base_url=base_url, token=session.access_token)
opened = create_conversation.sync(
    client=kim, body=CreateConversationRequest(subject="My application", message="Hello")
)
assert isinstance(opened, OwnConversation), opened

read = get_conversation.sync(opened.id, client=kim)
assert isinstance(read, OwnConversation), read
assert read.status == ConversationStatus.OPEN
assert read.agent is None

page = list_messages.sync(opened.id, client=kim, after_seq=0, limit=1)
assert isinstance(page, MessagePage), page
assert [(message.seq, message.content) for message in page.items] == [(1, "Hello")]
assert page.next_after_seq is None

refused = get_conversation.sync("nobodys", client=kim)
assert isinstance(refused, Problem), refused
assert refused.code == ErrorCode.NOT_FOUND
