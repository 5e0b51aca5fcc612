"""The browser of somebody who looks after a site: three tabs, of which none may complain."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Service, Watched


class Window:
    """A browser with three tabs: the admin's work, the live view, and a page of the site."""

    def __init__(self, context: BrowserContext, service: Service, shop_url: str) -> None:
        self.service, self.shop_url = service, shop_url
        self._tabs = [Watched(context.new_page()) for _ in range(3)]
        self.admin, self.live, self.client = (tab.page for tab in self._tabs)

    def open(self, path: str) -> Page:
        self.admin.goto(f"{self.service.url}/admin/{path}")
        return self.admin

    def open_site(self, name: str) -> Page:
        page = self.open(f"sites/site/?q={name}")
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("link", name="Check authUrl")).to_be_visible()
        return page

    def check(self) -> None:
        for tab in self._tabs:
            tab.check()
