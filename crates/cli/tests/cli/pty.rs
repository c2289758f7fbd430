//! Command whose standard error is a terminal.

use std::{
    fs::File,
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// Running command, and what its terminal has shown so far.
pub(crate) struct Terminal {
    child: Child,
    screen: File,
    shown: Vec<u8>,
}

impl Terminal {
    /// Starts a command whose standard error is a terminal of 120 columns.
    pub(crate) fn start(command: Command) -> Self {
        Self::with_columns(command, 120, false)
    }

    /// Starts a command whose standard output is the terminal as well.
    pub(crate) fn start_all(command: Command) -> Self {
        Self::with_columns(command, 120, true)
    }

    /// Starts a command with a terminal of this width.
    pub(crate) fn with_columns(mut command: Command, columns: u16, has_output: bool) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&screen, size).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        command.env("TERM", "xterm-256color");
        let output = if has_output { terminal.try_clone().unwrap().into() } else { Stdio::null() };
        let child = command.stdin(Stdio::null()).stdout(output).stderr(terminal).spawn().unwrap();
        Self { child, screen: File::from(screen), shown: Vec::new() }
    }

    /// Waits until the bar shows that some bytes were stored or read.
    pub(crate) fn wait_for_progress(&mut self, what: &str) {
        while !self.positions(what).iter().any(|position| position != "0 B") {
            assert!(self.read(), "the command ended before its bar moved: {}", self.text());
        }
    }

    /// Waits until the text is shown.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.text().contains(text) {
            assert!(self.read(), "the command ended before it showed {text}: {}", self.text());
        }
    }

    /// Returns the positions that a bar has shown, in order, each once.
    pub(crate) fn positions(&self, what: &str) -> Vec<String> {
        let text = self.text();
        let frames = text.split(['\r', '\n']).filter_map(|frame| {
            let (_, bar) = frame.split_once(what)?;
            let (before, _) = bar.split_once(" of ")?;
            // What is left of " of " ends with a number and its unit.
            let mut words = before.split_whitespace().rev();
            let (unit, number) = (words.next()?, words.next()?);
            Some(format!("{number} {unit}"))
        });
        let mut positions: Vec<_> = frames.collect();
        positions.dedup();
        positions
    }

    /// Sends the signal of Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.send(Signal::INT);
    }

    /// Sends a signal.
    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills the command.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        assert_eq!(
            self.child.wait().unwrap().signal(),
            Some(9),
            "the command had ended before it was killed"
        );
    }

    /// Waits for the end, and returns what was shown.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        while self.read() {}
        (self.child.wait().unwrap(), self.text())
    }

    /// Reads more output, and returns whether there was any.
    pub(crate) fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        // On Linux, reading a terminal that the last process has closed is an error.
        let read = self.screen.read(&mut buffer).unwrap_or(0);
        self.shown.extend_from_slice(&buffer[..read]);
        read > 0
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
