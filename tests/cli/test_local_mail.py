"""Mail of the network on this machine is printed, once."""

from pathlib import Path

from adapters.embedded.data_directory import DataDirectory
from adapters.mail import FolderMailer, Mail
from cli.local_mail import mail_folder, mails_in


async def test_mail_is_printed_once_and_then_gone(tmp_path: Path) -> None:
    folder = mail_folder(DataDirectory(tmp_path))
    assert not list(mails_in(folder))
    mail = Mail(to="ada@example.org", subject="Sign in", text=f"https://net.example/{'x' * 100}\n")
    await FolderMailer(folder, "network@example.org").send(mail)
    assert list(mails_in(folder)) == [f"Mail to ada@example.org: Sign in\n\n{mail.text}"]
    assert not list(mails_in(folder))
