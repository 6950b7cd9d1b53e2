// node device_browser.js URL ACCOUNT PASSWORD [FOLDER]: walks the page that lets a machine in, in
// Chromium, and prints one JSON line for each step. Codes come as lines of standard input, asked for
// by {"step": "code?"}. With a folder it leaves pictures of the pages there.
'use strict';
const readline = require('readline');
const { chromium } = require('playwright-core');

const [url, account, password, folder] = process.argv.slice(2);
const say = (step, more) => console.log(JSON.stringify({ step, ...more }));
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const options = {
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
		'--host-resolver-rules=MAP lt.test 127.0.0.1'],
};
const looks = {
	light: {},
	dark: { colorScheme: 'dark' },
	phone: { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true },
	'dark-phone': { viewport: { width: 320, height: 568 }, colorScheme: 'dark' },
};

async function code() {
	say('code?');
	return (await lines.next()).value;
}

// What the page gives the focus to gets it a moment after it was loaded.
async function settled(page) {
	await page.waitForFunction(() => {
		const first = document.querySelector('[autofocus]');
		return !first || !first.offsetParent || document.activeElement !== document.body;
	});
}

async function look(page) {
	await settled(page);
	return page.evaluate(() => ({
		title: document.title,
		heading: document.querySelector('h1').innerText,
		view: document.querySelector('main').dataset.view,
		problem: document.getElementById('problem').innerText,
		focused: document.activeElement.id || document.activeElement.value || '',
		seen: document.querySelector('main').innerText,
		wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
		filled: Object.fromEntries([...document.querySelectorAll('.sign-in input[id]')]
			.map((field) => [field.id, field.value])),
	}));
}

class Walk {
	constructor(browser, name, how) {
		Object.assign(this, { browser, name, how, asked: [] });
	}

	async begin() {
		this.context = await this.browser.newContext(this.how);
		this.page = await this.context.newPage();
		this.page.on('request', (request) => this.asked.push(request.url()));
	}

	async tell(step) {
		await settled(this.page);
		if (folder)
			await this.page.screenshot({ path: `${folder}/${this.name}-${step}.png`, fullPage: true });
		say(step, { look: this.name, ...await look(this.page) });
	}

	async press(...keys) {
		for (const key of keys) await this.page.keyboard.press(key);
	}

	async sent(act) {
		await Promise.all([this.page.waitForNavigation(), act()]);
	}

	// Without a mouse, from the field that the page itself begins with.
	async signIn(fields) {
		for (const [name, text] of Object.entries(fields)) {
			await this.page.waitForFunction((id) => document.activeElement.id === id, name);
			await this.press('Control+A');
			await this.page.keyboard.type(text);
			await this.press('Tab');
		}
		await this.sent(() => this.press('Enter'));
	}

	async decide(...keys) {
		await this.press(...keys);
		const chosen = await look(this.page);
		await this.sent(() => this.press('Enter'));
		return chosen.focused;
	}

	async approve() {
		await this.page.goto(url);
		await this.tell('empty');
		await this.signIn({ code: 'bcdf ghjk', account, password });
		await this.tell('wrong-code');
		await this.page.goto(`${url}?code=${await code()}`);
		await this.tell('form');
		await this.signIn({ account, password: 'not the password' });
		await this.tell('wrong-password');
		await this.signIn({ password });
		await this.tell('decide');
		await this.decide('Tab', 'Tab');
		await this.tell('done');
	}

	async deny() {
		await this.page.goto(`${url}?code=${await code()}`);
		await this.signIn({ account, password });
		await this.decide('Tab');
		await this.tell('denied');
	}

	// Somebody else was quicker.
	async late() {
		const link = `${url}?code=${await code()}`;
		const other = new Walk(this.browser, this.name, this.how);
		await other.begin();
		for (const one of [this, other]) {
			await one.page.goto(link);
			await one.signIn({ account, password });
		}
		await other.decide('Tab');
		await other.context.close();
		await this.decide('Tab', 'Tab');
		await this.tell('over');
	}

	async block() {
		await this.page.goto(`${url}?code=${await code()}`);
		await this.signIn({ account: 'nobody', password: 'a guess' });
		for (let i = 0; i < 5; i++) await this.signIn({ password: `guess ${i}` });
		await this.tell('blocked');
	}
}

async function walkAll(browser) {
	for (const [name, how] of Object.entries(looks)) {
		const walk = new Walk(browser, name, how);
		await walk.begin();
		await walk.approve();
		await walk.deny();
		await walk.late();
		const host = new URL(url).host;
		say('hosts', { look: name, others: walk.asked.filter((one) => new URL(one).host !== host) });
		await walk.context.close();
	}
	const last = new Walk(browser, 'light', {});
	await last.begin();
	await last.block();
	await last.context.close();
}

chromium.launch(options).then(async (browser) => {
	await walkAll(browser);
	await browser.close();
	say('end');
	process.exit(0);
}).catch((error) => {
	say('failed', { error: String(error) });
	process.exit(1);
});
