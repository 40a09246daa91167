"""The cipher of personal and secret texts, made from the network's keys. Called by `api.coordinator`."""

from nats.aio.client import Client

from adapters.field_cipher import FieldCipher
from adapters.nats.accounts.deployment import SUBJECTS_MASTER
from adapters.nats.accounts.key_folder import KeyFolder
from adapters.nats.subject_keys import JetStreamSubjectKeys
from api.settings import Settings


def field_cipher(settings: Settings, client: Client) -> FieldCipher:
    """`client` has the role `coordinator`, which reads and makes keys of subjects. Raises `KeysUnusable`."""
    master = KeyFolder(settings.nats_keys).master(SUBJECTS_MASTER)
    return FieldCipher(JetStreamSubjectKeys(client, master), master)
