//! Which parts a reader sees as the text, as the HTML and as attachments (RFC 8621 §4.1.4).

use crate::structure::{Content, Node, Part, Structure};

/// The three lists of RFC 8621 §4.1.4. A part may be in several: a picture inside a text is in all three.
#[derive(Debug, Clone, Default)]
pub struct BodyLists<'a> {
    /// What to show, in order, to a reader who prefers plain text.
    pub text_body: Vec<Node<'a>>,
    /// What to show, in order, to a reader who prefers HTML.
    pub html_body: Vec<Node<'a>>,
    /// What to offer for download.
    pub attachments: Vec<Node<'a>>,
}

impl BodyLists<'_> {
    /// Whether there is something that its sender meant to be downloaded (RFC 8621 §4.1.4): an attachment that is not
    /// marked as inline.
    pub fn has_attachment(&self) -> bool {
        self.attachments.iter().any(|node| !node.part.is_disposition("inline"))
    }
}

impl Structure {
    /// Sorts the parts into the lists of RFC 8621 §4.1.4. A message inside the message is an attachment.
    pub fn body_lists(&self) -> BodyLists<'_> {
        let mut lists = BodyLists::default();
        let around =
            Around { multipart: Multipart::Mixed, is_alternative: false, into_text: true, into_html: true };
        let root = self.root();
        match root.content() {
            Content::Multipart => lists.take_children(root, around.inside(root.part)),
            Content::Leaf | Content::Message(..) => lists.take(root, Position::First, &mut { around }),
        }
        lists
    }
}

/// What the multiparts around a part say about it.
#[derive(Clone, Copy)]
struct Around {
    /// The multipart that holds the part.
    multipart: Multipart,
    /// Whether one of the multiparts around is an alternative.
    is_alternative: bool,
    /// Whether what is shown still belongs into the list of that kind.
    into_text: bool,
    into_html: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Multipart {
    Alternative,
    Related,
    /// Any other, as RFC 2046 §5.1.3 says.
    Mixed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    First,
    Later,
}

impl Around {
    fn inside(self, part: &Part) -> Around {
        let multipart = if part.is_type("multipart", "alternative") {
            Multipart::Alternative
        } else if part.is_type("multipart", "related") {
            Multipart::Related
        } else {
            Multipart::Mixed
        };
        let is_alternative = self.is_alternative || multipart == Multipart::Alternative;
        Around { multipart, is_alternative, ..self }
    }
}

impl<'a> BodyLists<'a> {
    fn take_children(&mut self, node: Node<'a>, mut around: Around) {
        let (texts, htmls) = (self.text_body.len(), self.html_body.len());
        let mut position = Position::First;
        for child in node.children() {
            match child.content() {
                Content::Multipart => self.take_children(child, around.inside(child.part)),
                Content::Leaf | Content::Message(..) => self.take(child, position, &mut around),
            }
            position = Position::Later;
        }
        // An alternative that has only one of the two kinds serves both readers.
        if around.multipart == Multipart::Alternative && around.into_text && around.into_html {
            if self.text_body.len() == texts {
                self.text_body.extend(self.html_body.get(htmls..).unwrap_or_default());
            } else if self.html_body.len() == htmls {
                self.html_body.extend(self.text_body.get(texts..).unwrap_or_default());
            }
        }
    }

    fn take(&mut self, node: Node<'a>, position: Position, around: &mut Around) {
        let part = node.part;
        let (is_plain, is_html) = (part.is_type("text", "plain"), part.is_type("text", "html"));
        let is_media = ["image", "audio", "video"].iter().any(|media_type| part.is_media_type(media_type));
        let is_inline = !part.is_disposition("attachment")
            && (is_plain || is_html || is_media)
            && (position == Position::First
                || (around.multipart != Multipart::Related && (is_media || part.file_name().is_none())));
        if !is_inline {
            self.attachments.push(node);
            return;
        }
        if around.multipart == Multipart::Alternative {
            match (is_plain, is_html) {
                (true, _) => self.text_body.push(node),
                (_, true) => self.html_body.push(node),
                _ => self.attachments.push(node),
            }
            return;
        }
        if around.is_alternative {
            around.into_html &= !is_plain;
            around.into_text &= !is_html;
        }
        if around.into_text {
            self.text_body.push(node);
        }
        if around.into_html {
            self.html_body.push(node);
        }
        if is_media && !(around.into_text && around.into_html) {
            self.attachments.push(node);
        }
    }
}

#[cfg(test)]
mod tests;
